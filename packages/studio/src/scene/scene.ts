/** A scene of stickers: at most one group of equal objects in each cell of a grid, on a coloured background.
 *
 *  Pure functions; who calls them draws and keeps the result. The rules are the scene world's own (docs/scenes.md): one
 *  to four of a kind, a size only of single objects, no kind twice, no more kinds than the world has in one picture. */

export type Size = "small" | "large";

export interface Sticker {
  name: string;
  icon: string;
}

export interface Background {
  name: string;
  color: string;
}

/** What the server knows of its world. */
export interface Catalog {
  names: readonly Sticker[];
  backgrounds: readonly Background[];
  styles: readonly string[];
  /** Row by row from the top left. */
  positions: readonly string[];
  /** In one scene. */
  most_kinds: number;
}

export const counts = [1, 2, 3, 4] as const;
export type Count = (typeof counts)[number];

export interface Group {
  /** Key of the drawing. */
  icon: string;
  name: string;
  count: Count;
  size: Size;
}

export interface Scene {
  style: string;
  background: string;
  /** One for each of the catalog's positions. */
  cells: readonly (Group | undefined)[];
}

export function emptyScene(catalog: Catalog): Scene {
  return {
    style: catalog.styles[0] ?? "",
    background: catalog.backgrounds[0]?.name ?? "",
    cells: catalog.positions.map(() => undefined),
  };
}

/** Any number of kinds that the world has, of different counts: something to begin with. */
export function randomScene(catalog: Catalog, random: () => number = Math.random, groups?: number): Scene {
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
  const shuffled = <T>(items: readonly T[]): T[] =>
    items
      .map((item) => ({ item, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ item }) => item);
  const places = shuffled(catalog.positions.map((_, cell) => cell)).slice(
    0,
    groups ?? 1 + Math.floor(random() * catalog.most_kinds),
  );
  const stickers = shuffled(catalog.names);
  const cells: (Group | undefined)[] = catalog.positions.map(() => undefined);
  for (const [i, cell] of places.entries()) {
    const sticker = stickers[i];
    if (sticker === undefined) continue;
    const count = pick([1, 1, 1, 2, 2, 3, 4] as const) ?? 1;
    cells[cell] = { ...sticker, count, size: pick(["small", "large"] as const) ?? "large" };
  }
  // Not an object's own colour: a blue heart on blue is hard to see.
  const taken = new Set(cells.map((group) => group?.name.split(" ")[0]));
  const free = catalog.backgrounds.filter(({ name }) => !taken.has(name));
  return {
    style: pick(catalog.styles) ?? "",
    background: (pick(free) ?? catalog.backgrounds[0])?.name ?? "",
    cells,
  };
}

/** Puts one large sticker into a cell, in the place of what is there; where there is no room for one more kind nothing changes. Of a kind that is there already the same group moves, as no kind comes twice. */
export function place(
  scene: Scene,
  cell: number,
  sticker: Sticker,
  { most_kinds }: Pick<Catalog, "most_kinds">,
): Scene {
  if (!(cell in scene.cells)) return scene;
  const from = scene.cells.findIndex((group) => group?.icon === sticker.icon);
  if (from >= 0) return move(scene, from, cell);
  if (scene.cells[cell] === undefined && kindsIn(scene) >= most_kinds) return scene;
  return withCell(scene, cell, { icon: sticker.icon, name: sticker.name, count: 1, size: "large" });
}

/** Groups of the two cells change places. */
export function move(scene: Scene, from: number, to: number): Scene {
  if (from === to || !(from in scene.cells) || !(to in scene.cells)) return scene;
  const cells = [...scene.cells];
  [cells[from], cells[to]] = [cells[to], cells[from]];
  return { ...scene, cells };
}

export function clear(scene: Scene, cell: number): Scene {
  return withCell(scene, cell, undefined);
}

export function setCount(scene: Scene, cell: number, count: Count): Scene {
  const group = scene.cells[cell];
  return group === undefined ? scene : withCell(scene, cell, { ...group, count });
}

export function setSize(scene: Scene, cell: number, size: Size): Scene {
  const group = scene.cells[cell];
  return group === undefined ? scene : withCell(scene, cell, { ...group, size });
}

function withCell(scene: Scene, cell: number, group: Group | undefined): Scene {
  return { ...scene, cells: scene.cells.map((old, i) => (i === cell ? group : old)) };
}

export const kindsIn = ({ cells }: Scene): number => cells.filter((group) => group !== undefined).length;

export function isEmpty(scene: Scene): boolean {
  return scene.cells.every((group) => group === undefined);
}

/** For a screen reader: "top left: 2 small dog". */
export function describeCell(group: Group | undefined): string {
  if (group === undefined) return "empty";
  return group.count === 1 ? `one ${group.size} ${group.name}` : `${group.count} times ${group.name}`;
}

/** "3 times crab at the top left, one small green apple at the top right, on blue" */
export function describeScene({ cells, background }: Scene, { positions }: Catalog): string {
  const groups = cells.flatMap((group, i) =>
    group === undefined ? [] : [`${describeCell(group)} at the ${positions[i]}`],
  );
  return [...groups, `on ${background}`].join(", ");
}

/** In shares of the picture's side: where each object's middle is and how long its longer side. */
export interface Placement {
  icon: string;
  x: number;
  y: number;
  side: number;
}

/** The world's own proportions, each in the middle of its range. */
const sides = { large: 0.9, small: 0.5, two: 0.46, three: 0.42, four: 0.42 };

export function placements(scene: Scene): Placement[] {
  const grid = Math.round(Math.sqrt(scene.cells.length)) || 1;
  return scene.cells.flatMap((group, cell) => {
    if (group === undefined) return [];
    const column = cell % grid;
    const row = Math.floor(cell / grid);
    return arrangement(group).map(({ x, y, side }) => ({
      icon: group.icon,
      x: (column + x) / grid,
      y: (row + y) / grid,
      side: side / grid,
    }));
  });
}

/** In shares of the cell. */
function arrangement({ count, size }: Group): { x: number; y: number; side: number }[] {
  if (count === 1) return [{ x: 0.5, y: 0.5, side: sides[size] }];
  if (count === 2) {
    return [
      { x: 0.26, y: 0.5, side: sides.two },
      { x: 0.74, y: 0.5, side: sides.two },
    ];
  }
  if (count === 4) {
    const ends = [0.24, 0.76];
    return ends.flatMap((y) => ends.map((x) => ({ x, y, side: sides.four })));
  }
  return [
    { x: 0.5, y: 0.25, side: sides.three },
    { x: 0.24, y: 0.74, side: sides.three },
    { x: 0.76, y: 0.74, side: sides.three },
  ];
}
