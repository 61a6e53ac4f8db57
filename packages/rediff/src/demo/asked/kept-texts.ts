/** What a model wrote, kept under a name that says what made it: a run that was cut off goes on, and several processes may share out
 *  the work. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

const textsSchema = z.array(z.string());

/** The texts in `file`, or those of `make`, which are put there.
 *  @throws Error when they are not `count` */
export async function keptTexts(file: string, count: number, make: () => Promise<string[]>): Promise<string[]> {
  const isThere = existsSync(file);
  const texts = isThere ? textsSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : await make();
  if (texts.length !== count) throw new Error(`${file} has ${texts.length} texts of ${count}: remove it`);
  if (!isThere) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.part`, JSON.stringify(texts, null, 1));
    renameSync(`${file}.part`, file);
  }
  return texts;
}
