/** What `scenes conversations` and `scenes corrupt` share: both write records about pictures that are there. */

import type { Command } from "commander";
import { begin } from "../exit-status.js";
import { answerLine } from "../terminal/lines.js";
import { progress } from "../terminal/progress.js";
import { assertThere } from "./assert-there.js";
import { whole } from "./parse-values.js";

export interface DeriveFlags {
  truth: string;
  output: string;
  seed: number;
}

export const FOREIGN = "with words that the world does not have, to be left alone: for training only";

export const addDeriveOptions = (command: Command): Command =>
  command
    .requiredOption("--truth <FILE>", "scenes.jsonl")
    .requiredOption("--output <FILE>", "JSON lines; pictures are named as in the truth, so put it beside that")
    .option("--seed <S>", "same seed, same text", whole(0), 0);

/** Shows how far `write` is, and says at the end how many records it wrote. */
export async function derive(
  { truth, output }: Pick<DeriveFlags, "truth" | "output">,
  write: (onProgress: (done: number) => void) => Promise<number>,
): Promise<void> {
  await assertThere(truth);
  begin();
  const bar = progress({ label: "scenes", unit: "scenes" });
  try {
    const written = await write(bar.update);
    bar.finish();
    answerLine(`${output}: ${written} records`);
  } finally {
    bar.finish();
  }
}
