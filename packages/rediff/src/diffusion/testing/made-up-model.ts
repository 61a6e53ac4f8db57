/** The loop of denoising over made-up models: functions that say what they think of a position. */
import fc from "fast-check";
import { Canvas } from "../canvas.js";
import { type DecodeOptions, decodeOptions } from "../decode-options.js";
import type { DecodeResult, DecodeStep } from "../decode-step.js";
import { denoise } from "../denoise.js";
import { type DecodingRules, rulesOf } from "../rules.js";

export const M = 0; // the mask
export const P = 4; // length of the prompt

/** What a model says about one position of a canvas. */
export type MadeUp = (
  position: number,
  canvas: Canvas,
  pass: number,
) => { token: number; confidence: number; entropy?: number };

export interface Run {
  result: DecodeResult;
  steps: DecodeStep[];
  canvas: Canvas;
}

/** torch.topk with ties taken from the left. */
export const leftmostTopk = (confidence: Float64Array, k: number): number[] =>
  [...confidence.keys()]
    .sort(
      (a, b) => (confidence[a] === confidence[b] ? a - b : 0) || (confidence[b] as number) - (confidence[a] as number),
    )
    .slice(0, k);

export interface RunSettings {
  promptLength?: number;
  /** Default: those that `compat` asks for. */
  rules?: DecodingRules;
}

export function run(given: Partial<DecodeOptions>, model: MadeUp, settings: RunSettings = {}): Run {
  const options = decodeOptions(given);
  const { promptLength = P, rules = rulesOf(options.compat) } = settings;
  const { genLength, draft, suffix, fixed } = options;
  const canvas = new Canvas(promptLength, { genLength, draft, suffix, fixed, maskId: M });
  const steps: DecodeStep[] = [];
  const loop = denoise({ canvas, options, rules, topkOfRow: leftmostTopk, onStep: (step) => steps.push(step) });
  const limit = options.steps + genLength + (options.postEditSteps ?? 0) * (genLength / options.blockLength);
  let next = loop.next();
  for (let pass = 0; !next.done; pass++) {
    if (pass > limit) throw new Error(`still not done after ${limit} steps`);
    const said = next.value.positions.map((position) => model(position, canvas, pass));
    next = loop.next({
      tokens: said.map(({ token }) => token),
      confidence: said.map(({ confidence }) => confidence),
      // Of a made-up model that says none: the surprise of the token itself.
      entropy: said.map(({ confidence, entropy = surpriseOf(confidence) }) => entropy),
    });
  }
  return { result: next.value, steps, canvas };
}

const surpriseOf = (confidence: number): number => -Math.log(Math.max(confidence, 1e-9));

/** Sure of the left, says its position from 1 on. */
export const leftToRight: MadeUp = (position) => ({ token: position - P + 1, confidence: 1 - position / 1000 });
/** Sure of the right. */
export const rightToLeft: MadeUp = (position) => ({ token: position - P + 1, confidence: position / 1000 });

export const counting = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/** 32 well-mixed bits of some numbers. */
function hash(...numbers: number[]): number {
  let h = 0x811c9dc5;
  for (const n of numbers) {
    h = Math.imul(h ^ n, 0x01000193);
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  }
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Deterministic in the whole answer: says one of the tokens `least` to 4, about as sure of each. */
export const pseudoRandom =
  (seed: number, least: number): MadeUp =>
  (position, canvas) => {
    const state = hash(seed, position, ...canvas.ids);
    return { token: least + (state % (5 - least)), confidence: hash(state, 1) / 2 ** 32 };
  };

const answerToken = fc.integer({ min: 0, max: 4 });

/** Shapes, drafts, stops and revisions, with a seed for `pseudoRandom`. */
export const setups = fc
  .record({
    seed: fc.integer(),
    blockLength: fc.integer({ min: 1, max: 6 }),
    blocks: fc.integer({ min: 1, max: 3 }),
    stepsPerBlock: fc.integer({ min: 1, max: 7 }),
    draft: fc.array(answerToken, { maxLength: 18 }),
    suffix: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 2 }),
    stop: fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 }), { maxLength: 2 }),
    revise: fc.boolean(),
    reviseStart: fc.constantFrom(0, 0.3, 0.5, 1),
    reviseTopk: fc.constantFrom(undefined, 0.3, 0.7, 1),
    reviseRest: fc.boolean(),
    saysMask: fc.boolean(),
  })
  .map(({ seed, blockLength, blocks, stepsPerBlock, draft, saysMask, ...rest }) => {
    const genLength = blockLength * blocks;
    const steps = stepsPerBlock * blocks;
    return { seed, saysMask, options: { ...rest, genLength, blockLength, steps, draft: draft.slice(0, genLength) } };
  });
