/** What noise does to training samples: which rows are masked, which get a wrong token, which are left (LLaDA-V section
 *  2, ReDiff section 3). Arithmetic on ids; tensors come later. L rows of the longest sample, b samples, V vocabulary.
 *
 *  Draws come in the reference's order and shapes, so that its recorded draws can be replayed: t [b], masking [b, L],
 *  and for ReDiff corruption [b, L] and replacements [b, L], for every sample whether it needs them or not. Comparisons
 *  are in float32, as there.
 *
 *  Departures, all undone by `compat`:
 *  - A row that holds the mask token from the start counts as masked only where it has a label.
 *  - With LLaDA-V's objective a sample with wrong phrases is trained on its corrected text, not left out of the loss.
 *  - A sample whose wrong phrases were all cut off takes no part. The reference would teach the flawed text. */
import { ignoredLabel } from "../text/image-tokens.js";
import type { Draws } from "./random-draws.js";

export type Objective = "llada_v" | "rediff";

/** A sample with its pictures' rows in place. All lists have one entry a row. */
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

/** What becomes of a row. */
export const Fate = { none: 0, masked: 1, corrupted: 2, clean: 3, revised: 4 } as const;

export interface NoisySample {
  /** What the model sees. */
  ids: number[];
  /** A `Fate` for each row. */
  fates: Uint8Array;
  /** p in (0, 1]: how likely a row with a label was to be masked; a float32 value. */
  probability: number;
}

export interface CorruptionOptions {
  objective: Objective;
  maskId: number;
  /** Replacements are drawn from [1, this). */
  replacementLimit: number;
  /** Ids whose embedding the model cannot tell from the mask's; the mask's own at least. */
  maskLike: ReadonlySet<number>;
  /** Default: `fullMaskRange`. */
  maskRange?: MaskRange | undefined;
  /** Default: `phrases`. */
  reviseRows?: ReviseRows | undefined;
  compat: boolean;
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
/** Of the rows that have a label and were not masked. */
const CORRUPTION_RATE = Math.fround(0.05);

const { fround } = Math;

/** Replacements as the reference draws them, all but the last thousand of the vocabulary, which has the special
 *  tokens; in a vocabulary too small for that, the ids before the first special one. */
export const replacementLimit = (vocabSize: number, firstSpecial: number): number =>
  vocabSize > 2000 ? vocabSize - 1000 : Math.max(2, firstSpecial);

export function corrupt(samples: readonly ExpandedSample[], draws: Draws, options: CorruptionOptions): NoisySample[] {
  const b = samples.length;
  const L = Math.max(0, ...samples.map(({ ids }) => ids.length));
  const t = draws.uniform([b]);
  const [low, high] = options.maskRange ?? fullMaskRange;
  const masking = draws.uniform([b, L]);
  const revising = options.objective === "rediff";
  const corruption = revising ? draws.uniform([b, L]) : undefined;
  const replacements = revising ? draws.integers(1, options.replacementLimit, [b, L]) : undefined;

  return samples.map((sample, s) => {
    const probability = fround(fround(fround(high - low) * (t[s] as number)) + fround(low));
    const row = <T>(values: ArrayLike<T>, i: number): T => values[s * L + i] as T;
    const noisy: NoisySample = { ids: [...sample.ids], fates: new Uint8Array(sample.ids.length), probability };
    const flawed = sample.revise.includes(true);
    const isNoise = flawed && revising && options.reviseRows === "answer" && !options.compat;
    if (flawed && revising && !isNoise) {
      for (const [i, wrong] of sample.revise.entries()) if (wrong) noisy.fates[i] = Fate.revised;
      return noisy;
    }
    if (flawed && !isNoise && !options.compat)
      for (const [i, wrong] of sample.revise.entries()) if (wrong) noisy.ids[i] = sample.labels[i] as number;
    if (sample.flawed && !flawed && revising && !options.compat) return noisy;

    const mayMask = !(flawed && options.compat);
    for (const [i, label] of sample.labels.entries()) {
      const learnt = label !== ignoredLabel;
      const masked = mayMask && learnt && row(masking, i) < probability;
      if (masked) noisy.ids[i] = options.maskId;
      if (masked || (options.maskLike.has(noisy.ids[i] as number) && (learnt || options.compat)))
        noisy.fates[i] = Fate.masked;
      else if (isNoise && learnt) noisy.fates[i] = sample.revise[i] ? Fate.revised : Fate.clean;
      else if (learnt && corruption !== undefined && row(corruption, i) < CORRUPTION_RATE) {
        noisy.fates[i] = Fate.corrupted;
        noisy.ids[i] = row(replacements as number[], i);
      } else if (learnt && revising) noisy.fates[i] = Fate.clean;
    }
    return noisy;
  });
}
