/** What is true of a picture: the ground truth that captions state and that scores are measured against. */
import { z } from "zod";
import { findName } from "./object-names.js";
import { backgroundColors, styles, type World } from "./world.js";

export const rows = ["top", "middle", "bottom"] as const;
export const columns = ["left", "center", "right"] as const;
export type Row = (typeof rows)[number];
export type Column = (typeof columns)[number];
/** Row and column, as captions say them: "top left". */
export type Position = `${Row} ${Column}`;
export type Size = "small" | "large";
export const sizes: readonly Size[] = ["small", "large"];
export const numberWords = ["one", "two", "three"] as const;

/** One to three objects of a kind, together in one cell. No two groups of a picture share a name or a cell. */
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

export function isCorner(position: Position): boolean {
  return /^(top|bottom) (left|right)$/.test(position);
}

export function at(row: Row, column: Column): Position {
  return `${row} ${column}`;
}

const groupSchema = z.looseObject({
  name: z.string().refine((name) => findName(name) !== undefined, "is no name of the scene world"),
  count: z.int().min(1).max(3),
  position: z.custom<Position>((value) => allPositions.some((position) => position === value), "is no position"),
  size: z.enum(["small", "large"]).optional(),
});

/** The `scene` of a line of scenes.jsonl. */
export const sceneSchema = z.looseObject({
  style: z.enum(styles),
  background: z.looseObject({ color: z.enum(backgroundColors), texture: z.string().optional() }),
  objects: z
    .array(groupSchema)
    .min(1)
    .refine((groups) => new Set(groups.map(({ name }) => name)).size === groups.length, "has two groups of one name"),
});

export function factsOf(scene: z.infer<typeof sceneSchema>): Facts {
  const objects = scene.objects.map(({ name, count, position, size }) => ({ name, count, position, size }));
  return { objects, background: scene.background.color };
}
