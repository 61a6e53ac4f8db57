/** What commands share that measure the embedded model over held-out scenes and put a section into a document: their
 *  options, the scenes, and where captions are kept. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setThreads } from "@rediff/torch";
import { errorText } from "../../cli/terminal/error-text.js";
import { UserError } from "../../errors.js";
import { weightsKey } from "../asked/caption-grid.js";
import { scenesOf, TABLE_SEED } from "../demo-table.js";
import { withSection } from "./rule-curve.js";

export interface SceneDefaults {
  /** Folder of scenes and captions. */
  kept: string;
  /** Document with the section. */
  docs: string;
}

const text = <T extends string>(value: T) => ({ type: "string", default: value }) as const;

/** For parseArgs. */
export const sceneOptions = ({ kept, docs }: SceneDefaults) =>
  ({
    scenes: text("500"),
    model: text("models/demo"),
    kept: text(kept),
    docs: text(docs),
    threads: text("1"),
    help: { type: "boolean", default: false },
  }) as const;

/** Their lines of the usage. */
export const sceneUsage = ({ kept, docs }: SceneDefaults): string =>
  `  --scenes N             held-out scenes, those of demo:table (default 500)
  --model DIR            default models/demo
  --kept DIR             scenes and captions; a run that was cut off goes on (default ${kept})
  --docs FILE            whose section is replaced (default ${docs})
  --threads N            CPU threads of one operator (default 1)`;

interface SceneFlags {
  scenes: string;
  model: string;
  kept: string;
  threads: string;
}

/** @throws UserError for what is no number */
export function sceneCount({ scenes }: Pick<SceneFlags, "scenes">): number {
  const count = Number(scenes);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new UserError(`--scenes ${scenes}`, "Give a number.");
}

/** The scenes, which are drawn where they are not kept, and the folder of this model's captions. Sets the threads. */
export async function heldOutScenes(flags: SceneFlags) {
  const count = sceneCount(flags);
  setThreads(Number(flags.threads));
  const style = { seed: TABLE_SEED, style: "train", split: "train" } as const;
  const scenes = await scenesOf(join(flags.kept, "scenes"), count, style);
  return { count, scenes, kept: join(flags.kept, `captions-${count}-${weightsKey(flags.model)}`) };
}

export function writeSection(docs: string, name: string, section: string): void {
  writeFileSync(docs, withSection(readFileSync(docs, "utf8"), name, section));
}

/** Runs a command, and says what went wrong. */
export function runDemo(name: string, main: (args: readonly string[]) => Promise<void>): void {
  main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`${name}: ${errorText(error)}\n`);
    process.exitCode = 1;
  });
}
