/** From training samples to what the model reads: padded to one length in tokens, pictures in place, cut to the model's
 *  length. */
import type { TrainingSample } from "../../data/samples/sample.js";
import type { ExpandedSample } from "../../diffusion/corruption.js";
import { UserError } from "../../errors.js";
import { expand, type Placement } from "../../models/llava/assembly.js";
import { collate } from "../../text/collate.js";
import { ignoredLabel, imagePlaceholder } from "../../text/image-tokens.js";

/** Stands for structural padding, which is no token. */
export const PADDING = -1;

export interface ExpandedBatch {
  samples: ExpandedSample[];
  /** Where the visuals of the whole batch are; positions count over all samples. */
  placements: Placement[];
  /** Positions of each sample. */
  lengths: number[];
}

export interface ExpandOptions {
  /** Tokens before, and positions after the pictures come in. */
  maxLength: number;
  /** The id that fills short samples up to the longest, as input and as target: it teaches the end. */
  pad: number;
  align: Alignment;
}

/** One sample: all lists have one entry a position. */
interface Lists {
  ids: number[];
  labels: number[];
  revise: boolean[];
}

/** Brings samples of unequal length together.
 *  @param revise where wrong phrases are in the text of each sample, before the pictures come in */
export type Alignment = (samples: readonly Lists[], revise: readonly (readonly boolean[])[]) => Lists[];

/** Ours: samples never become equally long by padding that somebody attends to. They are laid end to end, and attention
 *  stays within each (`Visibility.segments`). */
export const endToEnd: Alignment = (samples) => [...samples];

/** The reference's: every sample is padded up to the longest one with zeros that are attended to, and the places of wrong
 *  phrases are counted from the end of that, which is right for the sample with the most picture rows only. */
export const paddedToLongest: Alignment = (samples, revise) => {
  const longest = Math.max(0, ...samples.map(({ ids }) => ids.length));
  const filled = <T>(list: readonly T[], value: T): T[] => [
    ...list,
    ...new Array<T>(longest - list.length).fill(value),
  ];
  return samples.map(({ ids, labels }, s) => {
    const inText = revise[s] ?? [];
    return {
      ids: filled(ids, PADDING),
      labels: filled(labels, ignoredLabel),
      revise: [...new Array<boolean>(longest - inText.length).fill(false), ...inText],
    };
  });
};

/** The visuals that are needed when samples are cut to `maxLength` tokens: those whose placeholders remain.
 *  @throws UserError when a sample has other placeholders than visuals */
export function visualsWithin({ ids, visuals }: TrainingSample, maxLength: number): number {
  const count = (list: readonly number[]) => list.filter((id) => id === imagePlaceholder).length;
  if (count(ids) !== visuals.length)
    throw new UserError(`a sample has ${count(ids)} <image> but ${visuals.length} pictures`);
  return count(ids.slice(0, maxLength));
}

/** Samples as long as they are together, with their visuals in place.
 *  @param tokens rows of each visual, over all samples, those of `visualsWithin` only */
export function expandBatch(
  samples: readonly TrainingSample[],
  tokens: readonly number[],
  options: ExpandOptions,
): ExpandedBatch {
  const batch = collate(samples, options);
  let visual = 0;
  const expanded = samples.map((_, s) => {
    const ids = batch.ids[s] ?? [];
    const first = visual;
    visual += ids.filter((id) => id === imagePlaceholder).length;
    const { source, placements } = expand(ids, tokens.slice(first, visual), options.maxLength);
    const isText = (i: number): boolean => ids[i] !== imagePlaceholder;
    return {
      lists: {
        ids: source.map((i) => ids[i] as number),
        labels: source.map((i) => (isText(i) ? (batch.labels[s]?.[i] as number) : ignoredLabel)),
        revise: source.map((i) => isText(i) && batch.revise[s]?.[i] === true),
      },
      places: placements.map((place) => ({ ...place, visual: first + place.visual })),
    };
  });
  const aligned = options.align(
    expanded.map(({ lists }) => lists),
    batch.revise,
  );

  const placements: Placement[] = [];
  let offset = 0;
  for (const [s, { places }] of expanded.entries()) {
    for (const place of places) placements.push({ ...place, start: offset + place.start });
    offset += aligned[s]?.ids.length ?? 0;
  }
  return {
    samples: aligned.map((lists, s) => ({ ...lists, flawed: samples[s]?.revise.includes(true) ?? false })),
    placements,
    lengths: aligned.map(({ ids }) => ids.length),
  };
}
