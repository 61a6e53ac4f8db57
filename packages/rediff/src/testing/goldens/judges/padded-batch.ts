/** Several samples as one padded batch, as the reference feeds them: [B, L, D] with labels and what is not padding. Here
 *  samples are laid end to end and never padded (training/backward); this puts the recorded outputs beside the same
 *  assembly.
 *
 *  The reference consumes pictures from one flat list over the batch, where a sample without a placeholder stands for
 *  one unused (dummy) picture. It takes wrong counts as they come: the last picture again at the list's end, the next
 *  sample's before it. */
import { cat, scope, stack, type Tensor, zeros } from "@rediff/torch";
import type { Llada } from "../../../models/llada/llada.js";
import { embedSequence, expand } from "../../../models/llava/assembly.js";
import { ignoredLabel, imagePlaceholder } from "../../../text/image-tokens.js";

export interface BatchRow {
  ids: readonly number[];
  labels?: readonly number[];
  /** false where `ids` holds padding, which is taken out before the pictures come in. */
  keep?: readonly boolean[];
}

export interface Batch {
  embeds: Tensor; // [B, L, D], zero rows where padded
  labels: number[][]; // -100 where padded
  /** True where a row is no padding. */
  visible: boolean[][];
}

export interface BatchOptions {
  paddingSide?: "left" | "right";
  maxLength?: number | undefined;
}

export function assembleBatch(
  model: Llada,
  rows: readonly BatchRow[],
  pictures: readonly Tensor[],
  options: BatchOptions = {},
): Batch {
  const { paddingSide = "right", maxLength } = options;
  return scope(() => {
    let next = 0;
    const sequences = rows.map(({ ids, labels, keep }) => {
      const kept = (_: unknown, at: number) => keep?.[at] ?? true;
      const own = ids.filter(kept);
      const targets = (labels ?? ids.map(() => ignoredLabel)).filter(kept);
      const wanted = own.filter((id) => id === imagePlaceholder).length;
      const taken = pictures.slice(next, next + wanted);
      while (taken.length < wanted && pictures.length > 0) taken.push(pictures.at(-1) as Tensor);
      next += Math.max(1, wanted);
      const counts = taken.map((picture) => picture.size(0));
      const { source, placements } = expand(own, counts, maxLength);
      const expanded = source.map((i) => own[i] as number);
      return {
        embeds: embedSequence(model, expanded, placements, taken),
        labels: source.map((i) => (own[i] === imagePlaceholder ? ignoredLabel : (targets[i] as number))),
      };
    });

    const length = Math.max(...sequences.map(({ embeds }) => embeds.size(0)));
    const padded = sequences.map(({ embeds, labels }) => {
      const missing = length - embeds.size(0);
      const fill = zeros([missing, embeds.size(1)], { dtype: embeds.dtype, device: embeds.device });
      const left = paddingSide === "left";
      const pad = <T>(values: readonly T[], value: T): T[] => {
        const padding = new Array<T>(missing).fill(value);
        return left ? [...padding, ...values] : [...values, ...padding];
      };
      return {
        embeds: cat(left ? [fill, embeds] : [embeds, fill], 0),
        labels: pad(labels, ignoredLabel),
        visible: pad(
          labels.map(() => true),
          false,
        ),
      };
    });
    return {
      embeds: stack(padded.map(({ embeds }) => embeds)),
      labels: padded.map(({ labels }) => labels),
      visible: padded.map(({ visible }) => visible),
    };
  });
}
