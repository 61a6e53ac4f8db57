/** Starts models in processes of their own, for applications and agents. */
import { availableParallelism } from "node:os";
import type { Device, DType } from "@rediff/torch";
import { z } from "zod";
import { checkLoad, type LoadOptions } from "../../checkpoint/load-model.js";
import { embeddedModelFolder, MODEL_VARIABLE } from "../../embedded.js";
import { codedAs, OptionError, option, wording } from "../../errors.js";
import { resolveModel } from "../../hub/resolve-model.js";
import { readAskable } from "../../inference/model-facts.js";
import { quantizations } from "../../models/quantization.js";
import { flag, listener, number, optionSet, text } from "../../options/option-set.js";
import { decodingLimits } from "../../vision/workers/decoding-limits.js";
import { Engine } from "../engine/engine.js";
import type { EngineOptions } from "../engine/engine-options.js";
import { StartedModel } from "./started-model.js";

/** Of loading, what can be said to another process, and what there is to say of that. */
export interface StartOptions
  extends Pick<LoadOptions, "base" | "device" | "dtype" | "visionTower" | "quantize" | "memoryCheck" | "keepPictures"> {
  /** Threads of the model's process; default one for each core. */
  threads?: number;
  /** Questions that are decoded together, in each forward pass; default 4. */
  batch?: number;
  /** Questions that may wait; beyond, a UserError whose code is `queue_full`. Default as many as there are. */
  queue?: number;
  /** Processes that decode pictures, at most; default one for each core, 4 at most. */
  visionWorkers?: number;
  /** Load the model when it is first asked; what is wrong with its weights is told then. Default false. */
  lazy?: boolean;
  /** What decoding a picture may take: pixels (default as `loadModel` has it) and seconds of work (300). */
  pictures?: { maxPixels?: number; seconds?: number };
  /** Seconds without a sign of life, and for one forward pass, after which the model's process is replaced; default 30 and
   *  600. */
  heartbeatTimeout?: number;
  stepTimeout?: number;
  /** Hears, in a line, of crashes and restarts. Default: nobody. */
  log?: (line: string) => void;
}

const checkStart = optionSet<StartOptions>({
  base: text,
  device: z.custom<Device>(), // judged with the other options of loading
  dtype: z.custom<DType>(),
  visionTower: text,
  quantize: z.enum(quantizations),
  memoryCheck: flag,
  keepPictures: number,
  threads: number,
  batch: number,
  queue: number,
  visionWorkers: number,
  lazy: flag,
  pictures: z.strictObject({ maxPixels: number.optional(), seconds: number.optional() }) as z.ZodType<
    NonNullable<StartOptions["pictures"]>
  >,
  heartbeatTimeout: number,
  stepTimeout: number,
  log: listener,
});

const DEFAULT_BATCH = 4;
const DEFAULT_WORKERS = 4;

/** Starts a process with a model: a folder in Hugging Face's layout, or the id of one that was pulled from the hub; by default
 *  the one that the environment names (REDIFF_MODEL), else the embedded one. Loading, decoding pictures and answering leave
 *  the event loop of this process free.
 *
 *  ```ts
 *  const model = await startModel("ReDiff-8B");
 *  try {
 *    const { text } = await model.describe("photo.jpg", { tokensPerStep: 4, revise: true });
 *  } finally {
 *    await model.close();
 *  }
 *  ```
 *  @throws UserError as `loadModel` does */
export async function startModel(
  folderOrId = process.env[MODEL_VARIABLE] ?? embeddedModelFolder(),
  options: StartOptions = {},
): Promise<StartedModel> {
  const { lazy, ...engineOptions } = judged(options);
  const folder = await codedAs("model_not_found", () => resolveModel(folderOrId));
  const facts = lazy
    ? await codedAs("unusable_model", async () => (await readAskable(folder, options.base)).facts)
    : undefined;
  const engine = new Engine({ folder, ...engineOptions, ...(facts && { lazy: facts }) });
  if (facts !== undefined) return new StartedModel(engine);
  try {
    await codedAs("unusable_model", () => engine.start());
  } catch (error) {
    await engine.close();
    throw error;
  }
  return new StartedModel(engine);
}

/** @throws OptionError for what cannot be */
function judged(options: StartOptions): Omit<EngineOptions, "folder" | "lazy"> & { lazy: boolean } {
  checkStart(options);
  const { threads, batch = DEFAULT_BATCH, queue = Number.MAX_SAFE_INTEGER, lazy = false, ...others } = options;
  const { pictures = {}, log, heartbeatTimeout, stepTimeout, ...rest } = others;
  const { visionWorkers = Math.min(DEFAULT_WORKERS, availableParallelism()), keepPictures, ...load } = rest;
  checkLoad({ ...load, ...(keepPictures !== undefined && { keepPictures }) });
  for (const [name, value] of Object.entries({ threads, batch, visionWorkers, heartbeatTimeout, stepTimeout }))
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1))
      throw new OptionError(name, wording`${option(name)} must be a whole number from 1, got ${value}`);
  if (!Number.isSafeInteger(queue) || queue < 0)
    throw new OptionError("queue", wording`${option("queue")} must be a whole number from 0, got ${queue}`);
  const decoding = decodingLimits(pictures);
  const life = {
    ...(heartbeatTimeout !== undefined && { heartbeatTimeout }),
    ...(stepTimeout !== undefined && { stepTimeout }),
  };
  return {
    life,
    load,
    threads,
    batch,
    queue,
    visionWorkers,
    keptBytes: keepPictures,
    lazy,
    decoding,
    ...(log && { log }),
  };
}
