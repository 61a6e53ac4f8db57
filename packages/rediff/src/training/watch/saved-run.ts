/** What the files of an output folder tell of a run beside its metrics: whether somebody is at work, what is saved, how long
 *  the run is to be. Files that are not there, or of another version, tell nothing. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readRegularSync } from "../../files/regular-file.js";
import { parseShallowJson } from "../../options/shallow-json.js";
import { listCheckpoints, STATE_FILE } from "../checkpoint/training-checkpoint.js";
import { whoIsAtWork } from "../run/run-lock.js";

export interface SavedRun {
  /** The process that trains in the folder now. */
  owner: { pid: number; host: string; isHere: boolean } | undefined;
  /** Whether the trained model is in the folder. */
  isFinished: boolean;
  /** Its updates; the rounds of a loop do not say. */
  finishedStep: number | undefined;
  /** The newest checkpoint. */
  checkpoint: { step: number; folder: string } | undefined;
  /** Of the recipe. */
  maxSteps: number | undefined;
  epochs: number | undefined;
}

/** A mebibyte for six thousand data files, each of which it names. */
const MOST_STATE_BYTES = 1 << 28;

const stateSchema = z.object({
  step: z.int().min(0),
  recipe: z.object({ max_steps: z.int().nullish(), epochs: z.number().positive().nullish() }).optional(),
});

export class SavedRunReader {
  /** The file that was read last, as it was, and what it says. */
  #known: { key: string; state: z.output<typeof stateSchema> | undefined } | undefined;

  constructor(readonly output: string) {}

  read(): SavedRun {
    const owner = whoIsAtWork(this.output);
    const checkpoint = listCheckpoints(this.output).at(-1);
    const own = this.#state(join(this.output, STATE_FILE));
    const { recipe } = own ?? (checkpoint && this.#state(join(checkpoint.folder, STATE_FILE))) ?? {};
    return {
      owner,
      isFinished: existsSync(join(this.output, "config.json")), // which comes last
      finishedStep: own?.step,
      checkpoint,
      maxSteps: recipe?.max_steps ?? undefined,
      epochs: recipe?.epochs ?? undefined,
    };
  }

  #state(path: string): z.output<typeof stateSchema> | undefined {
    const info = statSync(path, { throwIfNoEntry: false });
    if (info === undefined) return undefined;
    const key = `${path} ${info.size} ${info.mtimeMs} ${info.ino}`;
    if (this.#known?.key !== key) this.#known = { key, state: readState(path) };
    return this.#known.state;
  }
}

function readState(path: string): z.output<typeof stateSchema> | undefined {
  try {
    const bytes = readRegularSync(path, { expected: "the state of a run", most: MOST_STATE_BYTES });
    return stateSchema.safeParse(parseShallowJson(bytes.toString("utf8"))).data;
  } catch {
    return undefined; // removed meanwhile, or none of ours
  }
}
