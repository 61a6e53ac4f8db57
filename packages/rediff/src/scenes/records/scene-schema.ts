/** The truth about a picture as a line of scenes.jsonl has it. */
import { z } from "zod";
import { allPositions, type Facts, type Position } from "../world/facts.js";
import { findName } from "../world/object-names.js";
import { backgroundColors, styles } from "../world/world.js";

const groupSchema = z.looseObject({
  name: z.string().refine((name) => findName(name) !== undefined, "is no name of the scene world"),
  count: z.int().min(1).max(4),
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
