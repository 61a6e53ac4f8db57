/** Everything that can be set about decoding: names are the reference's, values are checked once, here. */

import { z } from "zod";
import { OptionError, option, wording } from "../errors.js";
import { flag, list, number, optionSet } from "../options/option-set.js";
import { type CacheOptions, cacheType, checkCache } from "./cache/cache-options.js";
import {
  assertCountsSteps,
  assertOriginalHas,
  completeRule,
  type RuleName,
  ruleConflict,
  ruleNames,
} from "./rule-options.js";
import { rulesOf } from "./rules.js";

/** Of whoever says none: the same question has the same answer everywhere. */
export const DEFAULT_SEED = 42;

export type Remasking = "low_confidence" | "random";

/** What a token's confidence is a share of.
 *  - allowed: of the tokens that may be written, as in the original
 *  - all: of the whole vocabulary. Where a model has learnt to end texts for good (end-of-text behind the answer), that token
 *    is forbidden, and among the others it is sure of the end of the turn: it would be written first, behind the longest
 *    text there could be. */
export type ConfidenceAmong = "allowed" | "all";
export const confidencesAmong = ["allowed", "all"] as const satisfies readonly ConfidenceAmong[];

/** Tokens that may not be written. */
export interface Ban {
  ids: readonly number[] | Int32Array;
  /** Of the answer, from 0; default all of them. */
  positions?: readonly number[] | undefined;
}

export interface DecodeOptions {
  /** Forward passes in all blocks together; under a rule without a schedule the most that fill masks. */
  steps: number;
  /** Tokens of the answer. */
  genLength: number;
  /** Tokens of a block; blocks are decoded from left to right. */
  blockLength: number;
  /** 0 takes the likeliest token; above, Gumbel noise of this strength. */
  temperature: number;
  /** Classifier-free guidance: 0 is off. */
  cfgScale: number;
  /** Which masks to fill first: the surest, or any. */
  remasking: Remasking;
  /** Token sequences that end the answer. */
  stop: readonly (readonly number[])[];
  /** Fixed tokens after the answer, seen by every step and kept. */
  suffix: readonly number[];
  /** Tokens to begin with instead of masks; they count as written. */
  draft: readonly number[];
  /** Positions of the draft that are never written again, not even by a revision. */
  fixed: readonly number[];
  /** Besides what is never generated (EOS, BOS, headers). */
  banned: readonly Ban[];
  /** By which rule masks are filled; default the one that a number below is of, else the schedule of `steps`. All but the
   *  schedule take as many steps as they need. Approximate, as all filling of several tokens at once. */
  rule: RuleName;
  /** Of the rules threshold (0.9) and joint (0.7): each step fills all masks that the model is at least this sure of, 0 to
   *  1, the surest one in any case. The joint rule with `steps` has their schedule instead. */
  threshold: number | undefined;
  /** Of the rule factor (1): n masks are filled at once when the least sure has a confidence of 1 - factor / (n + 1). */
  factor: number | undefined;
  /** Of the rule entropy (0.1): nats that the entropies of what is filled at once sum up to, without the largest. */
  entropyBound: number | undefined;
  /** Of the rule joint (0.5): a written token is replaced where the model is surer than this of another one; 0 is always, as
   *  ReDiff, and 1 never, as LLaDA-V. */
  editThreshold: number | undefined;
  /** Of the rule joint (16): when a block is written, the most steps that go on replacing in it until nothing changes. */
  postEditSteps: number | undefined;
  /** ReDiff: every step also rewrites what was written before in the block. */
  revise: boolean;
  /** The last share of a block's steps in which to revise; 1 is always. */
  reviseStart: number;
  /** Rewrite only this share of the written tokens, the surest; undefined is all. */
  reviseTopk: number | undefined;
  /** When all is written before the steps are used up, as a text does that is shorter than its canvas: revise all of it in
   *  those that are left, until nothing changes. What is written last is never revised otherwise. With `revise`. */
  reviseRest: boolean;
  confidenceAmong: ConfidenceAmong;
  /** For temperature and random remasking. */
  seed: number;
  /** Decode by the original's rules (`originalRules`): slow, with its quirks; the yardstick of the default path. */
  compat: boolean;
  cache: CacheOptions | undefined;
}

const checkTypes = optionSet<Partial<DecodeOptions>>({
  steps: number,
  genLength: number,
  blockLength: number,
  temperature: number,
  cfgScale: number,
  remasking: z.enum(["low_confidence", "random"]),
  stop: list,
  suffix: list,
  draft: list,
  fixed: list,
  banned: list,
  rule: z.enum(ruleNames),
  threshold: number,
  factor: number,
  entropyBound: number,
  editThreshold: number,
  postEditSteps: number,
  revise: flag,
  reviseStart: number,
  reviseTopk: number,
  reviseRest: flag,
  confidenceAmong: z.enum(confidencesAmong),
  seed: number,
  compat: flag,
  cache: cacheType,
});

/** Checks what was given and fills in the rest: 128 tokens in one block, one per step.
 *  @throws UserError naming the option, what came and what is possible */
export function decodeOptions(given: Partial<DecodeOptions> = {}): DecodeOptions {
  checkTypes(given);
  const genLength = given.genLength ?? 128;
  const blockLength = given.blockLength ?? genLength;
  const rule = completeRule(given, given.steps !== undefined);
  const options: DecodeOptions = {
    steps: given.steps ?? genLength,
    genLength,
    blockLength,
    temperature: given.temperature ?? 0,
    cfgScale: given.cfgScale ?? 0,
    remasking: given.remasking ?? "low_confidence",
    stop: given.stop ?? [],
    suffix: given.suffix ?? [],
    draft: given.draft ?? [],
    fixed: given.fixed ?? [],
    banned: given.banned ?? [],
    ...rule,
    revise: given.revise ?? rule.rule === "joint",
    reviseStart: given.reviseStart ?? 1,
    // 0 means "not set" in the reference.
    reviseTopk: given.reviseTopk === 0 ? undefined : given.reviseTopk,
    reviseRest: given.reviseRest ?? false,
    confidenceAmong: given.confidenceAmong ?? "allowed",
    seed: given.seed ?? DEFAULT_SEED,
    compat: given.compat ?? false,
    cache: given.cache,
  };
  check(options);
  return options;
}

const opt = (name: keyof DecodeOptions) => option(name);

function check(o: DecodeOptions): void {
  wholeFrom("genLength", o.genLength, 1);
  wholeFrom("blockLength", o.blockLength, 1);
  if (o.genLength % o.blockLength !== 0)
    throw new OptionError(
      "blockLength",
      wording`${opt("genLength")} ${o.genLength} is not a multiple of ${opt("blockLength")} ${o.blockLength}`,
      wording`Choose a ${opt("blockLength")} that divides ${o.genLength}, such as ${largestDivisor(o.genLength, o.blockLength)}.`,
    );
  wholeFrom("steps", o.steps, 1); // after the lengths: steps that follow from lengths that do not fit are no whole number
  const blocks = o.genLength / o.blockLength;
  if (o.steps % blocks !== 0)
    throw new OptionError(
      "steps",
      wording`${opt("steps")} ${o.steps} is not a multiple of the ${blocks} blocks (${opt("genLength")} ${o.genLength} / ${opt("blockLength")} ${o.blockLength})`,
      `Use ${Math.max(blocks, Math.round(o.steps / blocks) * blocks)} steps.`,
    );
  between("temperature", o.temperature, 0, Number.POSITIVE_INFINITY);
  between("cfgScale", o.cfgScale, 0, Number.POSITIVE_INFINITY);
  between("reviseStart", o.reviseStart, 0, 1);
  if (o.reviseTopk !== undefined) between("reviseTopk", o.reviseTopk, 0, 1);
  if (!Number.isSafeInteger(o.seed))
    throw new OptionError("seed", wording`${opt("seed")} must be a whole number, got ${o.seed}`);
  if (o.draft.length > o.genLength)
    throw new OptionError(
      "genLength",
      wording`the draft has ${o.draft.length} tokens but ${opt("genLength")} is ${o.genLength}`,
      wording`Set ${opt("genLength")} to at least ${o.draft.length}.`,
    );
  const loose = o.fixed.find((position) => !(Number.isInteger(position) && position >= 0 && position < o.draft.length));
  if (loose !== undefined)
    throw new OptionError("fixed", `fixed position ${loose} is not in the draft, which has ${o.draft.length} tokens`);
  const { excludes } = rulesOf(o.compat);
  if (o.fixed.length > 0 && excludes.fixed !== undefined) throw new OptionError("compat", excludes.fixed);
  if (o.reviseRest && excludes.reviseRest !== undefined) throw new OptionError("reviseRest", excludes.reviseRest);
  if (o.confidenceAmong === "all" && excludes.confidenceAmong !== undefined)
    throw new OptionError("confidenceAmong", excludes.confidenceAmong);
  checkRule(o, excludes.rule);
  if (o.stop.some((sequence) => sequence.length === 0)) throw new OptionError("stop", "a stop text is empty");
  if (o.cache !== undefined) checkCache(o.cache, { cfgScale: o.cfgScale, excluded: excludes.cache });
}

/** @param excluded why there is no other rule than the schedule, if so */
function checkRule(o: DecodeOptions, excluded: string | undefined): void {
  if (o.steps !== o.genLength) assertCountsSteps(o, "steps");
  const conflict = ruleConflict(o.rule, o);
  if (conflict !== undefined) throw conflict;
  assertOriginalHas(o.rule, excluded);
}

const isWholeFrom = (value: number, least: number) => Number.isInteger(value) && value >= least;

function wholeFrom(name: keyof DecodeOptions, value: number, least: number): void {
  if (isWholeFrom(value, least)) return;
  throw new OptionError(name, wording`${opt(name)} must be a whole number from ${least}, got ${value}`);
}

function between(name: keyof DecodeOptions, value: number, low: number, high: number): void {
  if (value >= low && value <= high) return;
  const range = high === Number.POSITIVE_INFINITY ? `${low} or more` : `from ${low} to ${high}`;
  throw new OptionError(name, wording`${opt(name)} must be ${range}, got ${value}`);
}

function largestDivisor(n: number, atMost: number): number {
  for (let d = Math.min(n, atMost); d > 1; d--) if (n % d === 0) return d;
  return 1;
}
