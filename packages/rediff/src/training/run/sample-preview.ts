/** Samples as the model will see them, for people: what is masked, what is corrupted, what is to be learnt where.
 *
 *  The corruption is that of the given draws, so a preview of step s shows the very corruption that step s trains on. */

import type { TrainingSample } from "../../data/samples/sample.js";
import { describeSource } from "../../data/samples/sample-error.js";
import {
  type CorruptedSample,
  corrupt,
  type ExpandedSample,
  type MaskRange,
  type Objective,
  PositionRole,
  type ReviseRows,
  replacementLimit,
} from "../../diffusion/corruption.js";
import { type DrawSource, drawsFrom } from "../../diffusion/random-draws.js";
import { ignoredLabel } from "../../text/image-tokens.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { VisionGeometry } from "../../vision/tiles/token-layout.js";
import { visualRows } from "../../vision/tiles/token-layout.js";
import { type ExpandedBatch, expandBatch, PADDING, visualsWithin } from "../backward/expand-batch.js";
import type { TrainingRules } from "../backward/training-rules.js";

export interface PreviewOptions {
  tokenizer: Tokenizer;
  /** Absent for a text-only model. */
  geometry?: VisionGeometry;
  /** Rows of the embedding. */
  vocabSize: number;
  maxLength: number;
  objective: Objective;
  maskRange?: MaskRange;
  reviseRows?: ReviseRows;
  reviseMasked?: number;
  rules: Pick<TrainingRules, "align" | "corruption">;
  draws: DrawSource;
}

/** One text for each sample of a micro-batch. */
export function previewBatch(samples: readonly TrainingSample[], options: PreviewOptions): string[] {
  const { tokenizer, geometry, maxLength, rules, objective } = options;
  const visuals = samples.map((sample) => sample.visuals.slice(0, visualsWithin(sample, maxLength)));
  const tokens = visuals.flat().map((visual) => (geometry === undefined ? 1 : visualRows(visual, geometry)));
  const batch = expandBatch(samples, tokens, { maxLength, pad: tokenizer.special.pad, align: rules.align });
  const { mask, bos } = tokenizer.special;
  const corrupted = corrupt(batch.samples, drawsFrom(options.draws), {
    objective,
    rules: rules.corruption,
    maskRange: options.maskRange,
    reviseRows: options.reviseRows,
    reviseMasked: options.reviseMasked,
    maskId: mask,
    maskLike: new Set([mask]),
    replacementLimit: replacementLimit(options.vocabSize, bos),
  });
  let firstVisual = 0;
  return samples.map((sample, s) => {
    const shown = describeSample(
      sample,
      { tokenizer, objective, batch, tokens, firstVisual },
      s,
      corrupted[s] as CorruptedSample,
    );
    firstVisual += visuals[s]?.length ?? 0;
    return shown;
  });
}

interface BatchView {
  tokenizer: Tokenizer;
  objective: Objective;
  batch: ExpandedBatch;
  /** Of every visual of the batch, how many positions it takes. */
  tokens: readonly number[];
  /** The sample's first visual among those of the batch. */
  firstVisual: number;
}

function describeSample(sample: TrainingSample, view: BatchView, s: number, corrupted: CorruptedSample): string {
  const expanded = view.batch.samples[s] as ExpandedSample;
  const labelled = expanded.labels.filter((label) => label !== ignoredLabel).length;
  const counts = (Object.keys(PositionRole) as (keyof typeof PositionRole)[])
    .filter((role) => role !== "none")
    .map((role) => ({ role, count: corrupted.roles.filter((value) => value === PositionRole[role]).length }))
    .filter(({ count }) => count > 0)
    .map(({ role, count }) => `${count} ${role}`);
  return [
    `${describeSource(sample.source)}: ${sample.modality}, ${expanded.ids.length} positions, ${labelled} with a label`,
    ...sample.visuals.map((visual, i) => {
      const { kind, tiles, imageSize } = visual;
      const tokens = view.tokens[view.firstVisual + i];
      const parts = kind === "video" ? "frames" : tiles === 1 ? "tile" : "tiles";
      return `  ${kind} ${i + 1}: ${imageSize.width} x ${imageSize.height}, ${tiles} ${parts}, ${tokens ?? "no"} tokens`;
    }),
    `  corruption: p ${corrupted.probability.toFixed(3)}; ${counts.join(", ") || "nothing counts"}`,
    "  sees:",
    indent(seenText(expanded, corrupted, view.tokenizer)),
    "  learns (where it has labels):",
    indent(labelText(expanded, view.tokenizer)),
  ].join("\n");
}

const indent = (text: string): string => text.replace(/^/gm, "    ");

/** Masks as [MASK], corrupted tokens as {wrong|right}, phrases to be revised as {wrong -> right}, pictures and padding
 *  by their length. */
function seenText(
  { labels, ids: clean }: ExpandedSample,
  { ids, roles }: CorruptedSample,
  tokenizer: Tokenizer,
): string {
  let visual = 0;
  const parts = runs(ids.length, (i) => {
    const id = ids[i] as number;
    if (id < 0) return id === PADDING ? "padding" : "visual";
    if (roles[i] === PositionRole.masked) return "masked";
    if (roles[i] === PositionRole.corrupted) return "corrupted";
    // Under objective llada_v a wrong phrase is put right, and then masked like any other.
    if (roles[i] === PositionRole.revised) return "revised";
    return id === clean[i] ? "plain" : "corrected";
  }).map(({ kind, start, end }) => {
    const decode = (list: readonly number[]) => tokenizer.decode(list.slice(start, end));
    switch (kind) {
      case "padding":
        return `<padding, ${end - start} positions>`;
      case "visual":
        return `<picture ${++visual}, ${end - start} tokens>`;
      case "masked":
        return "[MASK]".repeat(end - start);
      case "corrupted":
        return braced(decode(ids), "|", decode(labels));
      case "revised":
        return braced(decode(ids), " -> ", decode(labels));
      default:
        return decode(ids);
    }
  });
  return shorten(parts.join(""), tokenizer);
}

/** A space that both begin with stays outside. */
function braced(wrong: string, between: string, right: string): string {
  const space = wrong.startsWith(" ") && right.startsWith(" ") ? 1 : 0;
  return `${wrong.slice(0, space)}{${wrong.slice(space)}${between}${right.slice(space)}}`;
}

/** The labels, with " ... " for what is not learnt. */
function labelText({ labels }: ExpandedSample, tokenizer: Tokenizer): string {
  const parts = runs(labels.length, (i) => (labels[i] === ignoredLabel ? "ignored" : "learnt"));
  return shorten(
    parts
      .map(({ kind, start, end }) => (kind === "ignored" ? " ... " : tokenizer.decode(labels.slice(start, end))))
      .join(""),
    tokenizer,
  );
}

/** End-of-text padding takes one place, however long it is. */
function shorten(text: string, tokenizer: Tokenizer): string {
  const pad = tokenizer.token(tokenizer.special.pad);
  if (pad === undefined) return text;
  const repeated = new RegExp(`(?:${pad.replace(/[^\w\s]/g, "\\$&")}){3,}`, "g");
  return text.replace(repeated, (found) => `${pad} x ${found.length / pad.length}`);
}

interface RunOf<Kind> {
  kind: Kind;
  start: number;
  end: number;
}

/** Neighbours of one kind together. */
function runs<Kind>(length: number, kindOf: (index: number) => Kind): RunOf<Kind>[] {
  const found: RunOf<Kind>[] = [];
  for (let i = 0; i < length; i++) {
    const kind = kindOf(i);
    const last = found.at(-1);
    if (last?.kind === kind) last.end = i + 1;
    else found.push({ kind, start: i, end: i + 1 });
  }
  return found;
}
