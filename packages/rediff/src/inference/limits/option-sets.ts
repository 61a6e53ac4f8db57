/** The options of asking, one table for each way of it. */
import { z } from "zod";
import { cacheKinds, featureCacheType } from "../../diffusion/cache/cache-options.js";
import { confidencesAmong } from "../../diffusion/decode-options.js";
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
  threshold: number,
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
  compat: flag,
  specialTokens: flag,
  autoOrient: flag,
  asStored: flag,
  maxPixels: positive,
  videoFrames: positive,
  signal: abortSignal,
  onTrace: listener,
};

const { prompt, messages, system, conversation, imageJoin, temperature, cfgScale, seed } = describeTypes;
const { cache, refreshEvery, refreshChanged, certify } = describeTypes;
const { specialTokens, autoOrient, asStored, maxPixels, videoFrames, signal, onTrace, ...others } = describeTypes;
/** Of all three. */
const common = {
  ...{ prompt, messages, system, conversation, imageJoin, temperature, cfgScale, seed },
  ...{ cache, refreshEvery, refreshChanged, certify },
  ...{ specialTokens, autoOrient, asStored, maxPixels, videoFrames, signal, onTrace },
};

export const checkDescribe = optionSet<DescribeOptions>(describeTypes);

export const checkMany = optionSet<ManyOptions>({
  ...describeTypes,
  batch: number,
  onStep: listener,
  onTrace: listener,
});

export const checkRefine = optionSet<RefineOptions>({
  ...common,
  compat: others.compat,
  rounds: number,
  threshold: others.threshold,
});

const { steps, tokensPerStep, threshold, remasking, revise, reviseTopk, reviseStart } = others;
const { reviseRest, confidenceAmong } = others;
export const checkFill = optionSet<FillOptions>({
  ...common,
  ...{ steps, tokensPerStep, threshold, remasking, revise, reviseTopk, reviseStart, reviseRest, confidenceAmong },
});
