/** What is true of a picture: the ground truth that captions state and that scores are measured against. */
import type { World } from "./world.js";

export const rows = ["top", "middle", "bottom"] as const;
export const columns = ["left", "center", "right"] as const;
export type Row = (typeof rows)[number];
export type Column = (typeof columns)[number];
/** Row and column, as captions say them: "top left". */
export type Position = `${Row} ${Column}`;
export type Size = "small" | "large";
export const sizes: readonly Size[] = ["small", "large"];
export const numberWords = ["one", "two", "three", "four"] as const;

/** Where one position lies as seen from another one. */
export const relations = ["left of", "right of", "above", "below"] as const;
export type Relation = (typeof relations)[number];

/** One to four objects of a kind, together in one cell. No two groups of a picture share a name or a cell. */
export interface Group {
  name: string;
  count: number;
  position: Position;
  /** Only of single objects, and only in worlds with sizes. */
  size?: Size | undefined;
}

export interface Facts {
  objects: readonly Group[];
  background: string;
}

export const allPositions: readonly Position[] = rows.flatMap((row) => columns.map((column) => at(row, column)));

/** Row by row from the top left. */
export function positionsOf(grid: World["grid"]): readonly Position[] {
  if (grid === 3) return allPositions;
  return ["top left", "top right", "bottom left", "bottom right"];
}

/** How the first is seen from the second: by their columns, then by their rows; in two ways where both differ. */
export function relationsOf(first: Position, second: Position): Relation[] {
  const [row, column] = placeOf(first);
  const [otherRow, otherColumn] = placeOf(second);
  const seen: Relation[] = [];
  if (column !== otherColumn) seen.push(column < otherColumn ? "left of" : "right of");
  if (row !== otherRow) seen.push(row < otherRow ? "above" : "below");
  return seen;
}

export function opposite(relation: Relation): Relation {
  return relations[relations.indexOf(relation) ^ 1] as Relation;
}

/** Row and column, from 0. */
function placeOf(position: Position): [row: number, column: number] {
  const [row, column] = position.split(" ");
  return [rows.indexOf(row as Row), columns.indexOf(column as Column)];
}

export function isCorner(position: Position): boolean {
  return /^(top|bottom) (left|right)$/.test(position);
}

export function at(row: Row, column: Column): Position {
  return `${row} ${column}`;
}
