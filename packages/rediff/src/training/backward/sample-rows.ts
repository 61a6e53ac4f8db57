/** From training samples to rows: padded to one length in tokens, pictures in place, cut to the model's length.
 *
 *  Rows of different samples never become equally long by padding that somebody attends to: they are laid end to end
 *  and attention stays within each (`Visibility.segments`). Under `compat` every sample gets zero rows up to the longest
 *  one, all of them attended to, and the places of wrong phrases are counted from the end of that, as in the reference,
 *  which is right for the sample with the most picture rows only. */
import type { TrainingSample } from "../../data/samples/sample.js";
import type { ExpandedSample } from "../../diffusion/corruption.js";
import { UserError } from "../../errors.js";
import { collate } from "../../text/collate.js";
import { ignoredLabel, imagePlaceholder } from "../../text/image-tokens.js";

/** Stands for a structural padding row. */
export const PADDING_ROW = -1;

/** Where a picture's rows went. */
export interface Placement {
  /** Index among the batch's visuals. */
  visual: number;
  /** First row, counted over the whole batch. */
  start: number;
  /** How many of its rows are there; fewer than it has where the sample was cut. */
  count: number;
}

export interface BatchRows {
  samples: ExpandedSample[];
  placements: Placement[];
  /** Rows of each sample. */
  lengths: number[];
}

export interface RowOptions {
  /** Tokens before, and rows after the pictures come in. */
  maxLength: number;
  /** The id that fills short samples up to the longest, as input and as target: it teaches the end. */
  pad: number;
  compat: boolean;
}

/** The visuals that are needed when samples are cut to `maxLength` tokens: those whose placeholders remain.
 *  @throws UserError when a sample has other placeholders than visuals */
export function visualsWithin({ ids, visuals }: TrainingSample, maxLength: number): number {
  const count = (list: readonly number[]) => list.filter((id) => id === imagePlaceholder).length;
  if (count(ids) !== visuals.length)
    throw new UserError(`a sample has ${count(ids)} <image> but ${visuals.length} pictures`);
  return count(ids.slice(0, maxLength));
}

/** @param tokens rows of each visual, over all samples, those of `visualsWithin` only */
export function expandBatch(
  samples: readonly TrainingSample[],
  tokens: readonly number[],
  options: RowOptions,
): BatchRows {
  const batch = collate(samples, options);
  let visual = 0;
  const expanded = samples.map((sample, s) => {
    const text = { ids: batch.ids[s] ?? [], labels: batch.labels[s] ?? [], revise: batch.revise[s] ?? [] };
    const { rows, places } = expandSample(
      text,
      () => ({ visual, tokens: tokens[visual++] as number }),
      options.maxLength,
    );
    return { rows: { ...rows, flawed: sample.revise.includes(true) }, places };
  });
  if (options.compat)
    padToLongest(
      expanded.map(({ rows }) => rows),
      batch.revise,
    );

  const placements: Placement[] = [];
  let offset = 0;
  for (const { rows, places } of expanded) {
    for (const { visual, start, count } of places) placements.push({ visual, start: offset + start, count });
    offset += rows.ids.length;
  }
  return {
    samples: expanded.map(({ rows }) => rows),
    placements,
    lengths: expanded.map(({ rows }) => rows.ids.length),
  };
}

interface Lists {
  ids: number[];
  labels: number[];
  revise: boolean[];
}

/** One sample; `start` of its placements is counted from its own first row. */
function expandSample(
  text: Lists,
  nextVisual: () => { visual: number; tokens: number },
  maxLength: number,
): { rows: Lists; places: Placement[] } {
  const rows: Lists = { ids: [], labels: [], revise: [] };
  const places: Placement[] = [];
  const push = (count: number, id: number, label: number, revise: boolean): void => {
    for (let i = 0; i < count && rows.ids.length < maxLength; i++) {
      rows.ids.push(id);
      rows.labels.push(label);
      rows.revise.push(revise);
    }
  };
  for (const [i, id] of text.ids.entries()) {
    if (id !== imagePlaceholder) {
      push(1, id, text.labels[i] as number, text.revise[i] === true);
      continue;
    }
    const { visual, tokens } = nextVisual();
    const start = rows.ids.length;
    push(tokens, id, ignoredLabel, false);
    places.push({ visual, start, count: rows.ids.length - start });
  }
  return { rows, places };
}

/** Zero rows up to the longest sample, and the reference's shift of the wrong phrases' places. */
function padToLongest(samples: readonly Lists[], revise: readonly boolean[][]): void {
  const longest = Math.max(0, ...samples.map(({ ids }) => ids.length));
  const fill = <T>(list: T[], value: T): void => {
    while (list.length < longest) list.push(value);
  };
  for (const [s, rows] of samples.entries()) {
    fill(rows.ids, PADDING_ROW);
    fill(rows.labels, ignoredLabel);
    const inText = revise[s] ?? [];
    rows.revise = [...new Array<boolean>(longest - inText.length).fill(false), ...inText];
  }
}
