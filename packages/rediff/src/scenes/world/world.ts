/** How rich the scenes are: a world is a few numbers, and presets of them.
 *
 *  Every world speaks the same language (one vocabulary, one grammar), so a model can begin in a small one and go on in
 *  a larger one with the same tokenizer. */
import { UserError } from "../../errors.js";
import { objectNames } from "./object-names.js";

export type Style = "noto" | "twemoji" | "fluent-emoji-flat" | "openmoji" | "emojione";
export const styles: readonly Style[] = ["noto", "twemoji", "fluent-emoji-flat", "openmoji", "emojione"];
/** Kept from training, so that a model can be asked about artwork that it never saw. */
export const heldOutStyle: Style = "twemoji";
export const trainingStyles: readonly Style[] = styles.filter((style) => style !== heldOutStyle);

export const backgroundColors = ["white", "gray", "blue", "green", "yellow", "orange", "pink", "purple"] as const;
export type BackgroundColor = (typeof backgroundColors)[number];

export interface World {
  /** Of `objectNames`, the first so many. */
  names: number;
  /** Cells along a side: 2 gives four positions, 3 gives nine. */
  grid: 2 | 3;
  /** Kinds of objects in a picture, at most; each has a cell of its own. */
  maxObjects: number;
  /** Of one kind in its cell: 1 to 4. */
  maxCount: number;
  /** Whether single objects are small or large; otherwise sizes vary and mean nothing. */
  sizes: boolean;
  /** Colours of backgrounds, the first so many. */
  colors: number;
  /** Gradients, stripes, dots and noise on the background. They are never mentioned. */
  textures: boolean;
  /** "plain" says everything in few ways. */
  wording: "plain" | "free";
}

export type WorldName = "small" | "demo" | "large";

export const worlds: Readonly<Record<WorldName, World>> = {
  small: {
    names: 12,
    grid: 2,
    maxObjects: 2,
    maxCount: 2,
    sizes: false,
    colors: 4,
    textures: false,
    wording: "plain",
  },
  demo: { names: 28, grid: 3, maxObjects: 5, maxCount: 4, sizes: true, colors: 8, textures: true, wording: "free" },
  large: {
    names: objectNames.length,
    grid: 3,
    maxObjects: 5,
    maxCount: 4,
    sizes: true,
    colors: 8,
    textures: true,
    wording: "free",
  },
};

/** A preset with changes. @throws UserError naming the number that does not fit */
export function makeWorld(preset: WorldName, changes: Partial<World> = {}): World {
  const world = { ...worlds[preset], ...changes };
  const whole = (key: "names" | "maxObjects" | "maxCount" | "colors", low: number, high: number) => {
    const value = world[key];
    if (Number.isInteger(value) && value >= low && value <= high) return;
    throw new UserError(`a world with ${key} ${value}: expected a whole number from ${low} to ${high}`);
  };
  if (world.grid !== 2 && world.grid !== 3) throw new UserError(`a world with grid ${world.grid}: expected 2 or 3`);
  whole("names", 2, objectNames.length);
  whole("maxObjects", 1, Math.min(world.names, world.grid === 2 ? 4 : 5));
  whole("maxCount", 1, 4);
  whole("colors", 1, backgroundColors.length);
  return world;
}
