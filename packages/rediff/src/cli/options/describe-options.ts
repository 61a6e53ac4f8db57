/** The options about model, prompt and decoding that `caption`, `refine`, `fill` and `chat` share: names are the
 *  reference's, with dashes. */
import type { Device, DType } from "@rediff/torch";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { LoadOptions } from "../../checkpoint/load-model.js";
import { type ConfidenceAmong, confidencesAmong, type Remasking } from "../../diffusion/decode-options.js";
import { type RuleName, ruleNames } from "../../diffusion/rule-options.js";
import { embeddedModelFolder, MODEL_VARIABLE } from "../../embedded.js";
import { UserError } from "../../errors.js";
import { FAST_QUANTIZE } from "../../inference/limits/fast-preset.js";
import type { DescribeOptions } from "../../inference/request.js";
import { type Quantization, quantizations } from "../../models/quantization.js";
import { DEVICE_FORMS, isDeviceName } from "../../options/device-name.js";
import { type PromptTemplate, promptTemplates } from "../../text/chat-template.js";
import { DEFAULT_QUESTION } from "../../text/default-question.js";
import type { ImageJoin } from "../../text/image-tokens.js";
import { addCacheOptions, type CacheFlags, cacheOptions } from "./cache-flags.js";
import { collect, decimal, given, whole } from "./parse-values.js";

export interface ModelFlags {
  model?: string;
  base?: string;
  visionTower?: string;
  device: string;
  dtype?: string;
  threads?: number;
  quantize?: Quantization;
  memoryCheck: boolean;
  verbose?: true;
  /** Of the commands that have it (cache-flags.ts): also rounds the weights. */
  fast?: true;
}

export interface PromptFlags extends CacheFlags {
  prompt?: string;
  system?: string;
  conversation: PromptTemplate;
  imageJoin?: ImageJoin;
  seed?: number;
  cfgScale?: number;
  temperature?: number;
  compat?: true;
  specialTokens?: true;
  autoOrient?: true;
  asStored?: true;
  maxPixels?: number;
  videoFrames?: number;
}

/** How quickly, and by which rules, masks are filled. */
export interface StepFlags {
  steps?: number;
  tokensPerStep?: number;
  rule?: RuleName;
  threshold?: number;
  factor?: number;
  entropyBound?: number;
  editThreshold?: number;
  postEditSteps?: number;
  remasking?: Remasking;
  revise?: true;
  reviseTopk?: number;
  reviseStart?: number;
  reviseRest?: boolean;
  confidenceAmong?: ConfidenceAmong;
}

export interface AnswerFlags extends StepFlags {
  genLength?: number;
  blockLength?: number;
  stop?: string[];
}

/** @param fallback what there is without `--model`, for the help */
export function addModelOptions(command: Command, fallback = "default the embedded model"): Command {
  return command
    .addOption(
      new Option("--model <DIR|HUB_ID>", `model or adapter folder, or the id of one that was pulled (${fallback})`).env(
        MODEL_VARIABLE,
      ),
    )
    .option("--base <DIR|HUB_ID>", "what an adapter corrects, in place of the model that it names")
    .option("--vision-tower <DIR>", "SigLIP folder, for checkpoints without vision weights")
    .option("--device <D>", DEVICE_FORMS, device, "cpu")
    .addOption(
      new Option(
        "--dtype <T>",
        "default float32 on the CPU, bfloat16 elsewhere, float16 on GPUs that do not multiply bfloat16 (older than Ampere)",
      ).choices(["float32", "bfloat16", "float16"]),
    )
    .addOption(
      new Option(
        "--quantize <BITS>",
        "round the blocks' weights while loading: less memory, faster, approximate; int8 and int4 on the CPU, float8 on a GPU",
      ).choices([...quantizations]),
    )
    .option("--threads <N>", "CPU threads; default one per core", whole(1))
    .option("--no-memory-check", "load even if the model seems too large");
}

/** Whether this machine has it is known once libtorch is there. */
function device(text: string): string {
  if (isDeviceName(text)) return text;
  throw new InvalidArgumentError(`It must be ${DEVICE_FORMS}.`);
}

/** @param leave options that the command does not have */
export function addPromptOptions(command: Command, leave: { prompt?: true; compat?: true } = {}): Command {
  if (!leave.prompt)
    command.option(
      "--prompt <T>",
      "the question; <image> places the picture, which otherwise comes first; \\<image> is the word",
      DEFAULT_QUESTION,
    );
  command
    .option("--system <T>", "system message instead of the one that the models were trained with")
    .addOption(
      new Option("--conversation <TEMPLATE>", "prompt template").choices([...promptTemplates]).default("llava_llada"),
    )
    .addOption(
      new Option(
        "--image-join <MODE>",
        "legacy drops the token after a picture, as published results were measured (default the model's, else correct for the scene world, else legacy)",
      ).choices(["legacy", "correct"]),
    )
    .option("--temperature <T>", "0 takes the likeliest token (default 0)", decimal)
    .option("--cfg-scale <S>", "classifier-free guidance, 0 is off (default 0)", decimal)
    .option("--seed <N>", "for temperature and random remasking (default 42)", whole(0));
  addCacheOptions(command);
  if (!leave.compat) command.option("--compat", "all quirks of the original code; slower");
  return command
    .option("--special-tokens", "take special tokens' spellings in what is typed for those tokens, not for text")
    .option("--auto-orient", "turn pictures upright as their EXIF data says (default, but for --compat)")
    .option(
      "--as-stored",
      "take pictures as they are stored, as the original does (TIFF and HEIC are upright all the same)",
    )
    .option("--max-pixels <N>", "refuse pictures with more pixels (default 178956970)", whole(1))
    .option("--video-frames <N>", "frames taken from a video (default 32)", whole(1));
}

export function addStepOptions(command: Command): Command {
  const withSteps = command
    .option("--steps <N>", "forward passes (default one per token)", whole(1))
    .option("--tokens-per-step <N>", "instead of --steps", decimal);
  return addRuleOptions(withSteps);
}

/** Which masks are filled, and what is revised. */
export function addRuleOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--rule <RULE>",
        "what a step fills, see docs/decoding.md (default what a number below is of, else the model's, else schedule)",
      ).choices(ruleNames),
    )
    .option(
      "--threshold <P>",
      "instead of a number of steps: each step fills all masks that are at least this sure, 0 to 1",
      decimal,
    )
    .option("--factor <F>", "of --rule factor: the more masks at once, the surer each (default 1)", decimal)
    .option(
      "--entropy-bound <NATS>",
      "of --rule entropy: what the masks of a step may sum up to (default 0.1)",
      decimal,
    )
    .option(
      "--edit-threshold <P>",
      "of --rule joint: replace a written token where another is surer; 0 always, 1 never (default 0.5)",
      decimal,
    )
    .option(
      "--post-edit-steps <N>",
      "of --rule joint: steps at most that go on replacing when a block is written (default 16)",
      whole(0),
    )
    .addOption(new Option("--remasking <RULE>", "which masks to fill first").choices(["low_confidence", "random"]))
    .option("--revise", "rewrite earlier tokens at every step (ReDiff)")
    .option("--revise-topk <F>", "only the surest share of them, 0 to 1", decimal)
    .option("--revise-start <F>", "only in the last share of the steps, 0 to 1 (default 1, always)", decimal)
    .option("--revise-rest", "also in the steps that are left when all is written, until nothing changes")
    .option("--no-revise-rest", "not in those, for models that do so by default")
    .addOption(
      new Option(
        "--confidence-among <TOKENS>",
        "what confidence is a share of (default the model's, else allowed)",
      ).choices(confidencesAmong),
    );
}

/** What an answer has besides a form to fill in: a length, blocks and an end. */
export function addAnswerOptions(command: Command): Command {
  return addStepOptions(command)
    .option(
      "--gen-length <N>",
      "tokens of the answer (default the model's, else 48 for the scene world, else 128)",
      whole(1),
    )
    .option("--block-length <N>", "tokens of a block; blocks are written left to right (default all)", whole(1))
    .option(
      "--stop <T>",
      "text before which the answer ends, may be given again; the end of the turn always ends it",
      collect,
    );
}

export function stepOptions(flags: StepFlags): DescribeOptions {
  const { steps, tokensPerStep } = flags;
  return given({ steps, tokensPerStep, ...ruleOptions(flags) });
}

export type RuleFlags = Omit<StepFlags, "steps" | "tokensPerStep">;

/** Of `addRuleOptions`. */
export function ruleOptions(flags: RuleFlags): RuleFlags {
  const { rule, threshold, factor, entropyBound, editThreshold, postEditSteps } = flags;
  const { remasking, revise, reviseTopk, reviseStart, reviseRest, confidenceAmong } = flags;
  return given({
    ...{ rule, threshold, factor, entropyBound, editThreshold, postEditSteps },
    ...{ remasking, revise, reviseTopk, reviseStart, reviseRest, confidenceAmong },
  });
}

export function answerOptions(flags: AnswerFlags): DescribeOptions {
  const { genLength, blockLength, stop } = flags;
  return {
    ...stepOptions(flags),
    ...given({ genLength, blockLength, stop }),
  };
}

export function needModel(flags: Pick<ModelFlags, "model">): string {
  if (flags.model !== undefined) return flags.model;
  throw new UserError("no model was given", "Use --model FOLDER, or --model ORG/NAME after `rediff pull ORG/NAME`.");
}

/** The model that the flags name, or the one that comes with the package. @throws UserError when there is none */
export function chosenModel(flags: Pick<ModelFlags, "model">): string {
  return flags.model ?? embeddedModelFolder();
}

/** What a model's weights are to be rounded to while they are loaded: as asked for, or by `--fast`, where that goes.
 *  @param stored what they are rounded to already */
export function quantizeOf(
  { quantize, fast, device }: Pick<ModelFlags, "quantize" | "fast" | "device">,
  stored: Quantization | undefined,
): Quantization | undefined {
  if (quantize !== undefined || !fast || device !== "cpu" || stored !== undefined) return quantize;
  return FAST_QUANTIZE;
}

export function loadOptions(flags: ModelFlags): LoadOptions {
  return {
    device: flags.device as Device,
    memoryCheck: flags.memoryCheck,
    ...(flags.base !== undefined && { base: flags.base }),
    ...(flags.dtype !== undefined && { dtype: flags.dtype as DType }),
    ...(flags.quantize !== undefined && { quantize: flags.quantize }),
    ...(flags.visionTower !== undefined && { visionTower: flags.visionTower }),
  };
}

export function promptOptions(flags: PromptFlags): DescribeOptions {
  const { prompt, system, conversation, imageJoin, seed, cfgScale, temperature } = flags;
  const { compat, specialTokens, autoOrient, asStored, maxPixels, videoFrames } = flags;
  return {
    ...cacheOptions(flags),
    ...given({
      prompt,
      system,
      conversation,
      imageJoin,
      seed,
      cfgScale,
      temperature,
      compat,
      specialTokens,
      autoOrient,
      asStored,
      maxPixels,
      videoFrames,
    }),
  };
}
