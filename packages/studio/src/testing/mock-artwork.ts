/** Stickers of the scene world's demo names, out of the icon sets that rediff depends on. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const names: readonly (readonly [name: string, icon: string])[] = [
  ["red apple", "red-apple"],
  ["green apple", "green-apple"],
  ["dog", "dog-face"],
  ["cat", "cat-face"],
  ["rocket", "rocket"],
  ["mushroom", "mushroom"],
  ["umbrella", "umbrella"],
  ["red heart", "red-heart"],
  ["blue heart", "blue-heart"],
  ["police car", "police-car"],
  ["penguin", "penguin"],
  ["sunflower", "sunflower"],
  ["banana", "banana"],
  ["fire engine", "fire-engine"],
  ["soccer ball", "soccer-ball"],
  ["hot dog", "hot-dog"],
  ["hot pepper", "hot-pepper"],
  ["yellow heart", "yellow-heart"],
  ["crab", "crab"],
  ["frog", "frog"],
  ["panda", "panda"],
  ["carrot", "carrot"],
  ["owl", "owl"],
  ["cactus", "cactus"],
  ["airplane", "airplane"],
  ["guitar", "guitar"],
  ["crown", "crown"],
  ["basketball", "basketball"],
];
const styles = ["noto", "twemoji", "fluent-emoji-flat"];
const backgrounds = [
  { name: "white", color: "#f6f6f4" },
  { name: "gray", color: "#a8aaac" },
  { name: "blue", color: "#70a8ec" },
  { name: "green", color: "#7ece86" },
  { name: "yellow", color: "#f6e26a" },
  { name: "orange", color: "#f6ac60" },
  { name: "pink", color: "#fab0ce" },
  { name: "purple", color: "#b08cde" },
];

export function readCatalog() {
  return {
    names: names.map(([name, icon]) => ({ name, icon })),
    backgrounds,
    styles,
    positions: ["top left", "top right", "bottom left", "bottom right"],
  };
}

interface IconSet {
  width?: number;
  height?: number;
  icons: Record<string, { body: string; width?: number; height?: number }>;
}

const sets = new Map<string, IconSet>();

export function readSticker(style: string, icon: string): string | undefined {
  if (!styles.includes(style)) return undefined;
  const set = sets.get(style) ?? readSet(style);
  sets.set(style, set);
  const found = set.icons[icon];
  if (found === undefined) return undefined;
  const { body, width = set.width ?? 16, height = set.height ?? 16 } = found;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${body}</svg>`;
}

function readSet(style: string): IconSet {
  const file = createRequire(import.meta.url).resolve(`@iconify-json/${style}/icons.json`);
  return JSON.parse(readFileSync(file, "utf8")) as IconSet;
}
