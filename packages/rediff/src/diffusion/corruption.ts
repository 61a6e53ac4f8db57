/** What becomes of training samples before the model sees them: which positions are masked, which get a wrong token,
 *  which are left (LLaDA-V section 2, ReDiff section 3). Arithmetic on ids; tensors come later.
 *
 *  A sample is one of the cases below; `ourCorruption` and `originalCorruption` say which, side by side. b samples, L
 *  positions of the longest one. Draws come in the reference's order and shapes, so that its recorded draws can be
 *  replayed: t [b], masking [b, L], and for ReDiff corruption [b, L] and replacements [b, L], for every sample whether it
 *  needs them or not. Comparisons are in float32, as there. */
import { ignoredLabel } from "../text/image-tokens.js";
import type { Draws } from "./random-draws.js";

export type Objective = "llada_v" | "rediff";

/** A sample with its pictures in place. All lists have one entry a position. */
export interface ExpandedSample {
  /** Token ids; negative where a picture or structural padding lies. */
  ids: readonly number[];
  /** The id to be predicted, or -100. */
  labels: readonly number[];
  /** Where a wrong token is to be replaced by its label. */
  revise: readonly boolean[];
  /** It had wrong phrases in the data, which may all have been cut off. */
  flawed: boolean;
}

/** What a position is to the loss (M, C, K and R of the formulas in objective.ts), or nothing. */
export const PositionRole = { none: 0, masked: 1, corrupted: 2, clean: 3, revised: 4 } as const;
export type PositionRole = (typeof PositionRole)[keyof typeof PositionRole];

export interface CorruptedSample {
  /** What the model sees. */
  ids: number[];
  /** A `PositionRole` for each position. */
  roles: Uint8Array;
  /** p in [0, 1]: how likely a position with a label was to be masked; a float32 value. 0 only with `reviseMasked`. */
  probability: number;
}

/** What a sample with wrong phrases teaches under ReDiff's objective.
 *  - phrases: to write the right ones, the rest being seen and nothing masked (the paper and the reference)
 *  - answer: also to keep the words that are right, and to fill in what is masked of the corrected answer. Without it a
 *    model that learns from its drafts sees in them only what has to change, and changes too much. */
export const reviseRows = ["phrases", "answer"] as const;
export type ReviseRows = (typeof reviseRows)[number];

/** p = low + (high - low) t, t uniform in [0, 1). LLaDA's is [0.001, 1]. */
export type MaskRange = readonly [low: number, high: number];
export const fullMaskRange: MaskRange = [1e-3, 1];

// ---- one position ----

/** One position of a sample, and what was drawn for it. */
interface Position {
  id: number;
  label: number;
  /** Has a label. */
  isLearnt: boolean;
  /** Holds a wrong token that is to be replaced by its label. */
  isWrong: boolean;
  /** Has a label and was drawn to be masked, with probability p. */
  isHidden: boolean;
  /** Has a label and was drawn to get a wrong token, with probability `CORRUPTION_RATE`. */
  isReplaced: boolean;
  /** A random id. */
  replacement: number;
}

/** What the model sees at a position, and what the position is to the loss. */
interface Outcome {
  id: number;
  role: PositionRole;
}

/** What counts as a mask. */
interface Masks {
  id: number;
  /** Whether the text itself holds a mask at this position, in a place where that counts. */
  isAt: (position: Position) => boolean;
}

type Case = (position: Position, masks: Masks) => Outcome;

const { none, masked, corrupted, clean, revised } = PositionRole;

const as = (role: PositionRole, { id }: Position): Outcome => ({ id, role });

/** The outcome where the position is masked, by the draw or by the text itself. */
function ifMasked(position: Position, masks: Masks): Outcome | undefined {
  if (position.isHidden) return { id: masks.id, role: masked };
  return masks.isAt(position) ? as(masked, position) : undefined;
}

// ---- the cases ----

/** LLaDA-V: some of the answer is masked; the rest is seen and teaches nothing. */
const maskSome: Case = (position, masks) => ifMasked(position, masks) ?? as(none, position);

/** LLaDA-V on a sample with wrong phrases: the same with the right ones in their place. */
const correctAndMaskSome: Case = (position, masks) =>
  maskSome(position.isWrong ? { ...position, id: position.label } : position, masks);

/** The original's LLaDA-V on a sample with wrong phrases: nothing is masked but what the text holds masked. */
const maskNothing: Case = (position, masks) => as(masks.isAt(position) ? masked : none, position);

/** ReDiff, stage I: some of the answer is masked, some of the rest gets a random token, and what is left stays clean. */
const maskCorruptKeep: Case = (position, masks) => {
  const hidden = ifMasked(position, masks);
  if (hidden !== undefined) return hidden;
  if (position.isReplaced) return { id: position.replacement, role: corrupted };
  return as(position.isLearnt ? clean : none, position);
};

/** ReDiff, stage II: the text as it is, and the right phrase where a wrong one stands. */
const revisePhrases: Case = (position) => as(position.isWrong ? revised : none, position);

/** The whole answer of such a sample: some of it masked, the wrong phrases revised, the rest kept. */
const reviseAnswer: Case = (position, masks) => {
  const role = position.isWrong ? revised : clean;
  return ifMasked(position, masks) ?? as(position.isLearnt ? role : none, position);
};

/** The sample takes no part. */
const leaveOut: Case = (position) => as(none, position);

// ---- ours, and the original's ----

export interface CorruptionRules {
  /** The case of a sample. */
  cases: Readonly<
    Record<
      Objective,
      {
        /** It never had a wrong phrase. */
        right: Case;
        /** It has wrong phrases, of which this is to be learnt. */
        wrong: Readonly<Record<ReviseRows, Case>>;
        /** It had wrong phrases, and all were cut off. */
        cutOff: Case;
      }
    >
  >;
  /** Whether a mask that the text holds counts as masked where there is no label. Such a position has no loss, but takes
   *  part in the mean over the masked ones. */
  countsUnlabelledMasks: boolean;
}

export const ourCorruption: CorruptionRules = {
  cases: {
    llada_v: {
      right: maskSome,
      wrong: { phrases: correctAndMaskSome, answer: correctAndMaskSome },
      cutOff: maskSome,
    },
    rediff: {
      right: maskCorruptKeep,
      wrong: { phrases: revisePhrases, answer: reviseAnswer },
      cutOff: leaveOut, // the flawed text would be learnt as if it were right
    },
  },
  countsUnlabelledMasks: false,
};

export const originalCorruption: CorruptionRules = {
  cases: {
    llada_v: {
      right: maskSome,
      wrong: { phrases: maskNothing, answer: maskNothing },
      cutOff: maskSome,
    },
    rediff: {
      right: maskCorruptKeep,
      wrong: { phrases: revisePhrases, answer: revisePhrases },
      cutOff: maskCorruptKeep,
    },
  },
  countsUnlabelledMasks: true,
};

// ---- a batch ----

export interface CorruptionOptions {
  objective: Objective;
  rules: CorruptionRules;
  maskId: number;
  /** Replacements are drawn from [1, this). */
  replacementLimit: number;
  /** Ids whose embedding the model cannot tell from the mask's; the mask's own at least. */
  maskLike: ReadonlySet<number>;
  /** Default: `fullMaskRange`. */
  maskRange?: MaskRange | undefined;
  /** Default: `phrases`. */
  reviseRows?: ReviseRows | undefined;
  /** With `reviseRows` "answer": of how many samples with wrong phrases some is masked. The others are seen whole, as a draft is
   *  when all is written. Default 1. */
  reviseMasked?: number | undefined;
}

/** Of the positions that have a label and were not masked. */
const CORRUPTION_RATE = Math.fround(0.05);

/** Replacements as the reference draws them, all but the last thousand of the vocabulary, which has the special
 *  tokens; in a vocabulary too small for that, the ids before the first special one. */
export const replacementLimit = (vocabSize: number, firstSpecial: number): number =>
  vocabSize > 2000 ? vocabSize - 1000 : Math.max(2, firstSpecial);

/** What the model sees of each sample, and what it is to learn where. */
export function corrupt(
  samples: readonly ExpandedSample[],
  draws: Draws,
  options: CorruptionOptions,
): CorruptedSample[] {
  const b = samples.length;
  const L = Math.max(0, ...samples.map(({ ids }) => ids.length));
  const t = draws.uniform([b]);
  const masking = draws.uniform([b, L]);
  const corrupts = options.objective === "rediff";
  const corruption = corrupts ? draws.uniform([b, L]) : [];
  const replacements = corrupts ? draws.integers(1, options.replacementLimit, [b, L]) : [];
  const masks: Masks = {
    id: options.maskId,
    isAt: ({ id, isLearnt }) => options.maskLike.has(id) && (isLearnt || options.rules.countsUnlabelledMasks),
  };

  return samples.map((sample, s) => {
    const probability = probabilityOf(sample, t[s] as number, options);
    const become = caseOf(sample, options);
    const outcomes = sample.ids.map((id, i) => {
      const drawn = s * L + i;
      const label = sample.labels[i] as number;
      const isLearnt = label !== ignoredLabel;
      const position: Position = {
        id,
        label,
        isLearnt,
        isWrong: sample.revise[i] === true,
        isHidden: isLearnt && (masking[drawn] as number) < probability,
        isReplaced: isLearnt && (corruption[drawn] ?? 1) < CORRUPTION_RATE,
        replacement: replacements[drawn] ?? id,
      };
      return become(position, masks);
    });
    return { ids: outcomes.map(({ id }) => id), roles: Uint8Array.from(outcomes, ({ role }) => role), probability };
  });
}

function caseOf(sample: ExpandedSample, { objective, rules, reviseRows = "phrases" }: CorruptionOptions): Case {
  const { right, wrong, cutOff } = rules.cases[objective];
  if (sample.revise.includes(true)) return wrong[reviseRows];
  return sample.flawed ? cutOff : right;
}

/** p of a sample: 0 where it is one of those with wrong phrases that are seen whole, else from what is left of its draw. */
function probabilityOf(
  sample: ExpandedSample,
  t: number,
  { objective, maskRange = fullMaskRange, reviseRows, reviseMasked = 1 }: CorruptionOptions,
): number {
  const masksDrafts = objective === "rediff" && reviseRows === "answer"; // phrases alone are never masked
  const mayBeWhole = masksDrafts && reviseMasked < 1 && sample.revise.includes(true);
  if (!mayBeWhole) return maskProbability(maskRange, t);
  return t >= reviseMasked ? 0 : maskProbability(maskRange, t / reviseMasked);
}

/** p, in the reference's float32 arithmetic. */
function maskProbability([low, high]: MaskRange, t: number): number {
  const { fround } = Math;
  return fround(fround(fround(high - low) * t) + fround(low));
}
