/** Predictions as `rediff caption --json` prints them, put beside the truth by the picture's name. */
import { basename } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { readJsonLines, readScenes, type Scene } from "../records/scene-records.js";

const predictionSchema = z.looseObject({ image: z.string(), text: z.string() });

export interface Judged {
  scene: Scene;
  text: string;
}

/** The truth's order. Pictures count as the same when their file names are.
 *  @throws UserError for predictions of unknown pictures, two of one picture, and, unless `partial`, none of one */
export async function matchPredictions(
  predictions: string,
  truth: string,
  options: { partial?: boolean } = {},
): Promise<{ judged: Judged[]; missing: number }> {
  const texts = await readPredictions(predictions);
  const judged: Judged[] = [];
  const known = new Set<string>();
  const missing: string[] = [];
  for await (const scene of readScenes(truth)) {
    const name = basename(scene.record.image);
    if (known.has(name)) throw new UserError(`${truth} has two scenes of a picture ${name}`);
    known.add(name);
    const text = texts.get(name);
    if (text === undefined) missing.push(name);
    else judged.push({ scene, text });
  }
  const strange = [...texts.keys()].find((name) => !known.has(name));
  if (strange !== undefined) {
    throw new UserError(
      `${predictions} has a picture ${strange}, which ${truth} has not`,
      "Give the truth of the same run",
    );
  }
  if (missing.length > 0 && !options.partial) {
    throw new UserError(
      `${predictions} lacks ${missing.length} of ${known.size} pictures, the first of them ${missing[0]}`,
      "Caption them too, or score the others with --partial",
    );
  }
  if (judged.length === 0) throw new UserError(`${predictions} has no prediction to score`);
  return { judged, missing: missing.length };
}

async function readPredictions(file: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for await (const { value, line } of readJsonLines(file)) {
    const parsed = predictionSchema.safeParse(value);
    if (!parsed.success) {
      throw new UserError(
        `${file}:${line}: no prediction; expected {"image": ..., "text": ...}`,
        "Use `rediff caption --json`",
      );
    }
    const name = basename(parsed.data.image.replaceAll("\\", "/"));
    if (texts.has(name)) throw new UserError(`${file}:${line}: a second prediction of ${name}`);
    texts.set(name, parsed.data.text);
  }
  return texts;
}
