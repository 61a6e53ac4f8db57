/** The options about model and decoding that `caption` and `refine` share: names are the reference's, with dashes. */
import type { Device, DType } from "@rediff/torch";
import { type Command, InvalidArgumentError, Option } from "commander";
import { UserError } from "../errors.js";
import type { LoadOptions } from "../models/model.js";
import { DEFAULT_QUESTION, type DescribeOptions } from "../request.js";
import { type PromptTemplate, promptTemplates } from "../text/chat.js";
import type { ImageJoin } from "../text/image-tokens.js";

export interface ModelFlags {
  model?: string;
  visionTower?: string;
  device: string;
  dtype?: string;
  threads?: number;
  memoryCheck: boolean;
  verbose?: true;
}

export interface PromptFlags {
  prompt: string;
  system?: string;
  conversation: PromptTemplate;
  imageJoin: ImageJoin;
  seed?: number;
  cfgScale?: number;
  temperature?: number;
  compat?: true;
  autoOrient?: true;
  maxPixels?: number;
  videoFrames?: number;
}

export function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
  };
}

export function decimal(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number.");
}

export function addModelOptions(command: Command): Command {
  return command
    .option("--model <DIR|HUB_ID>", "model folder, or the id of a model that was pulled")
    .option("--vision-tower <DIR>", "SigLIP folder, for checkpoints without vision weights")
    .option("--device <D>", "cpu, cuda, cuda:N or mps", "cpu")
    .addOption(
      new Option("--dtype <T>", "default float32 on the CPU, bfloat16 elsewhere").choices(["float32", "bfloat16"]),
    )
    .option("--threads <N>", "CPU threads; default one per core", whole(1))
    .option("--no-memory-check", "load even if the model seems too large");
}

export function addPromptOptions(command: Command): Command {
  return command
    .option("--prompt <T>", "the question; <image> places the picture, which otherwise comes first", DEFAULT_QUESTION)
    .option("--system <T>", "system message instead of the one that the models were trained with")
    .addOption(
      new Option("--conversation <TEMPLATE>", "prompt template").choices([...promptTemplates]).default("llava_llada"),
    )
    .addOption(
      new Option("--image-join <MODE>", "legacy drops the token after a picture, as published results were measured")
        .choices(["legacy", "correct"])
        .default("legacy"),
    )
    .option("--temperature <T>", "0 takes the likeliest token (default 0)", decimal)
    .option("--cfg-scale <S>", "classifier-free guidance, 0 is off (default 0)", decimal)
    .option("--seed <N>", "for temperature and random remasking (default 42)", whole(0))
    .option("--compat", "all quirks of the original code; slower")
    .option("--auto-orient", "turn pictures upright as their EXIF data says")
    .option("--max-pixels <N>", "refuse pictures with more pixels (default 178956970)", whole(1))
    .option("--video-frames <N>", "frames taken from a video (default 32)", whole(1));
}

export function needModel(flags: Pick<ModelFlags, "model">): string {
  if (flags.model !== undefined) return flags.model;
  throw new UserError("no model was given", "Use --model FOLDER, or --model ORG/NAME after `rediff pull ORG/NAME`.");
}

export function loadOptions(flags: ModelFlags): LoadOptions {
  return {
    device: flags.device as Device,
    memoryCheck: flags.memoryCheck,
    ...(flags.dtype !== undefined && { dtype: flags.dtype as DType }),
    ...(flags.visionTower !== undefined && { visionTower: flags.visionTower }),
  };
}

/** Drops what was not given, so that the library's defaults hold. */
export function given<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

export function promptOptions(flags: PromptFlags): DescribeOptions {
  const { prompt, system, conversation, imageJoin, seed, cfgScale, temperature } = flags;
  const { compat, autoOrient, maxPixels, videoFrames } = flags;
  return given({
    prompt,
    system,
    conversation,
    imageJoin,
    seed,
    cfgScale,
    temperature,
    compat,
    autoOrient,
    maxPixels,
    videoFrames,
  });
}
