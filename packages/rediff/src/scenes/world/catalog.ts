/** What a scene can be composed of, as the studio is told: names and their drawings, backgrounds, styles, places. */

import { colorValues } from "../picture/render.js";
import { positionsOf } from "./facts.js";
import { objectNames } from "./object-names.js";
import { backgroundColors, styles, worlds } from "./world.js";

const world = worlds.demo;

/** Of the demo's world. `icon` names a drawing in every style, `color` is one of CSS. */
export function stickerCatalog() {
  return {
    names: objectNames.slice(0, world.names).map(({ name, icon }) => ({ name, icon })),
    backgrounds: backgroundColors
      .slice(0, world.colors)
      .map((name) => ({ name, color: `rgb(${colorValues[name].join(", ")})` })),
    styles,
    positions: positionsOf(world.grid),
    most_kinds: world.maxObjects,
  };
}
