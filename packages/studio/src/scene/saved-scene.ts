/** Scenes from outside: of an earlier visit, or of a link. Any may be of another world than the served model's. */
import * as z from "zod/mini";
import { type Catalog, counts, type Scene } from "./scene.js";

const name = z.string().check(z.maxLength(100));

const group = z.object({
  name,
  icon: name,
  count: z.literal(counts),
  size: z.enum(["small", "large"]),
});

const MOST_CELLS = 64;

/** An empty cell is null in JSON. */
export const sceneSchema: z.ZodMiniType<Scene> = z.object({
  style: name,
  background: name,
  cells: z
    .array(
      z.pipe(
        z.optional(z.nullable(group)),
        z.transform((cell) => cell ?? undefined),
      ),
    )
    .check(z.maxLength(MOST_CELLS)),
});

/** Whether all of the scene is of this catalog's world. */
export function isOfWorld({ style, background, cells }: Scene, catalog: Catalog): boolean {
  return (
    cells.length === catalog.positions.length &&
    catalog.styles.includes(style) &&
    catalog.backgrounds.some((known) => known.name === background) &&
    cells.every(
      (cell) =>
        cell === undefined || catalog.names.some((known) => known.name === cell.name && known.icon === cell.icon),
    )
  );
}
