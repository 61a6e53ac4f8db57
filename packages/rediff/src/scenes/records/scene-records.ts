/** Lines of scenes.jsonl: a sample that training takes as it is, and beside it the truth. */
import { createReadStream } from "node:fs";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { utf8Lines } from "../../files/utf8-text.js";
import type { Layout } from "../world/cells.js";
import type { Facts } from "../world/facts.js";
import type { World } from "../world/world.js";
import { factsOf, sceneSchema } from "./scene-schema.js";

const worldSchema: z.ZodType<World> = z.object({
  names: z.int(),
  grid: z.union([z.literal(2), z.literal(3)]),
  maxObjects: z.int(),
  maxCount: z.int(),
  sizes: z.boolean(),
  colors: z.int(),
  textures: z.boolean(),
  wording: z.enum(["plain", "free"]),
});

const layoutSchema = z.looseObject({
  size: z.number().positive().default(96),
  objects: z.array(z.looseObject({ boxes: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])) })),
});

const recordSchema = z.looseObject({
  id: z.string(),
  /** Relative to the folder of the file. */
  image: z.string(),
  /** Of the picture file's bytes. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  conversations: z.array(z.object({ from: z.string(), value: z.string() })),
  scene: sceneSchema.extend({ world: worldSchema }),
});

export type SceneRecord = z.infer<typeof recordSchema>;

/** Where the objects stand. Records of earlier versions do not tell the picture's size, which was 96 by default.
 *  @throws UserError naming the scene that does not tell */
export function layoutOf({ id, scene }: SceneRecord): Layout {
  const parsed = layoutSchema.safeParse(scene);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(
      `scene ${JSON.stringify(id.slice(0, 100))}: ${issue?.path.join(".")}: ${issue?.message}`,
      "Expected scenes.jsonl as `rediff scenes generate` writes it",
    );
  }
  return { size: parsed.data.size, boxes: parsed.data.objects.map(({ boxes }) => boxes) };
}

/** A record with the facts that its picture shows. */
export interface Scene {
  record: SceneRecord;
  facts: Facts;
  world: World;
}

/** One after the other. @throws UserError naming the line that is no scene */
export async function* readScenes(file: string): AsyncGenerator<Scene> {
  for await (const { value, line } of readJsonLines(file)) {
    const parsed = recordSchema.safeParse(value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const where = issue?.path.join(".") || "the line";
      throw new UserError(
        `${file}:${line}: ${where}: ${issue?.message ?? "unexpected content"}`,
        "Expected scenes.jsonl as `rediff scenes generate` writes it",
      );
    }
    yield { record: parsed.data, facts: factsOf(parsed.data.scene), world: parsed.data.scene.world };
  }
}

/** Empty lines are passed over. */
export async function* readJsonLines(file: string): AsyncGenerator<{ value: unknown; line: number }> {
  const input = createReadStream(file);
  let line = 0;
  try {
    for await (const text of utf8Lines(input, file)) {
      line++;
      if (text.trim() === "") continue;
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        throw new UserError(`${file}:${line}: not JSON`);
      }
      yield { value, line };
    }
  } catch (error) {
    throw error instanceof UserError ? error : fileError(file, error);
  } finally {
    input.destroy();
  }
}
