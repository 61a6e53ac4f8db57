/** The options of asking, one table for each way of it. */
import { z } from "zod";
import { cacheKinds, featureCacheType } from "../../diffusion/cache/cache-options.js";
import { confidencesAmong } from "../../diffusion/decode-options.js";
import { ruleNames } from "../../diffusion/rule-options.js";
import { OptionError } from "../../errors.js";
import { shownValue } from "../../options/issue-text.js";
import {
  abortSignal,
  flag,
  listener,
  number,
  type OptionTypes,
  optionSet,
  text,
  texts,
} from "../../options/option-set.js";
import { promptTemplates } from "../../text/chat-template.js";
import { isUsers } from "../../text/image-markers.js";
import type { DescribeOptions, FillOptions, ManyOptions, RefineOptions } from "../request.js";

const positive = z.int().min(1);

const describeTypes: OptionTypes<DescribeOptions> = {
  prompt: text,
  messages: z
    .array(z.object({ role: z.enum(["system", "user", "assistant"]), content: text.nullable() }))
    .refine((messages) => messages.some(isUsers), { error: "expected a user's message among them" }),
  system: text,
  conversation: z.enum(promptTemplates),
  imageJoin: z.enum(["legacy", "correct"]),
  steps: number,
  tokensPerStep: number,
  rule: z.enum(ruleNames),
  threshold: number,
  factor: number,
  entropyBound: number,
  editThreshold: number,
  postEditSteps: number,
  genLength: number,
  blockLength: number,
  temperature: number,
  cfgScale: number,
  remasking: z.enum(["low_confidence", "random"]),
  revise: flag,
  reviseTopk: number,
  reviseStart: number,
  reviseRest: flag,
  confidenceAmong: z.enum(confidencesAmong),
  suffix: text,
  stop: texts,
  draft: text,
  seed: number,
  cache: z.union([z.enum(cacheKinds), featureCacheType]),
  refreshEvery: number,
  refreshChanged: number,
  certify: flag,
  fast: flag,
  compat: flag,
  specialTokens: flag,
  autoOrient: flag,
  asStored: flag,
  maxPixels: positive,
  videoFrames: positive,
  signal: abortSignal,
  onTrace: listener,
  onLayers: listener,
};

const { prompt, messages, system, conversation, imageJoin, temperature, cfgScale, seed } = describeTypes;
const { cache, refreshEvery, refreshChanged, certify, fast } = describeTypes;
const { specialTokens, autoOrient, asStored, maxPixels, videoFrames, signal, onTrace, onLayers, ...others } =
  describeTypes;
/** Of all three. */
const common = {
  ...{ prompt, messages, system, conversation, imageJoin, temperature, cfgScale, seed },
  ...{ cache, refreshEvery, refreshChanged, certify, fast },
  ...{ specialTokens, autoOrient, asStored, maxPixels, videoFrames, signal, onTrace, onLayers },
};

export const checkDescribe = optionSet<DescribeOptions>(describeTypes);

export const checkMany = optionSet<ManyOptions>({
  ...describeTypes,
  batch: number,
  readAhead: number,
  onStep: listener,
  onTrace: listener,
  onWarning: listener,
});

export const checkRefine = optionSet<RefineOptions>({
  ...common,
  compat: others.compat,
  rounds: number,
  threshold: others.threshold,
  keep: number,
});

const { steps, tokensPerStep, threshold, remasking, revise, reviseTopk, reviseStart } = others;
const { reviseRest, confidenceAmong, rule, factor, entropyBound, editThreshold, postEditSteps } = others;
export const checkFill = optionSet<FillOptions>({
  ...common,
  ...{ steps, tokensPerStep, remasking, revise, reviseTopk, reviseStart, reviseRest, confidenceAmong },
  ...{ rule, threshold, factor, entropyBound, editThreshold, postEditSteps },
});

/** What is given beside the options of refining. @throws OptionError for anything but a text */
export function checkDraft(draft: unknown): void {
  if (typeof draft !== "string") throw new OptionError("draft", `the draft must be a text, got ${shownValue(draft)}`);
}

/** The same of filling in: a text, or what was read of one. */
export function checkTemplate(template: unknown): void {
  if (typeof template !== "string" && !Array.isArray(template))
    throw new OptionError("template", `the template must be a text, got ${shownValue(template)}`);
}
