/** Several samples as one padded batch, as training feeds them: [B, L, D] with labels and what is not padding.
 *
 *  The reference consumes pictures from one flat list over the batch, where a sample without a placeholder stands for
 *  one unused (dummy) picture. `compat` also takes its answer to wrong counts: the last picture again at the list's end,
 *  the next sample's before it. Without it, wrong counts are errors. */
import { cat, fromBuffer, scope, stack, type Tensor, zeros } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { ignoredLabel, imagePlaceholder } from "../../text/image-tokens.js";
import type { Llada } from "../llada/llada.js";
import { splice } from "./splice.js";

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
  compat?: boolean;
}

/** @throws UserError when pictures and placeholders do not match, unless `compat` */
export function assembleBatch(
  model: Llada,
  rows: readonly BatchRow[],
  pictures: readonly Tensor[],
  options: BatchOptions = {},
): Batch {
  const { paddingSide = "right", maxLength, compat = false } = options;
  const takes = rows.map(
    ({ ids, keep }) => ids.filter((id, i) => id === imagePlaceholder && (keep?.[i] ?? true)).length,
  );
  const consumed = takes.reduce((sum, count) => sum + Math.max(1, count), 0);
  if (!compat && consumed !== pictures.length)
    throw new UserError(
      `the batch needs ${consumed} pictures (one unused for each sample without <image>) but ${pictures.length} were given`,
    );

  return scope(() => {
    let next = 0;
    const spliced = rows.map((row, i) => {
      const kept = (_: unknown, at: number) => row.keep?.[at] ?? true;
      const labels = row.labels ?? row.ids.map(() => ignoredLabel);
      const wanted = takes[i] as number;
      const own = pictures.slice(next, next + wanted);
      while (compat && own.length < wanted && pictures.length > 0) own.push(pictures.at(-1) as Tensor);
      next += Math.max(1, wanted);
      return splice(model, row.ids.filter(kept), own, {
        labels: labels.filter(kept),
        ...(maxLength === undefined ? {} : { maxLength }),
      });
    });

    const length = Math.max(...spliced.map(({ embeds }) => embeds.size(0)));
    const padded = spliced.map(({ embeds, labels = [] }) => {
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

/** Rows of booleans as a bool tensor [B, L]. */
export function boolTensor(rows: readonly (readonly boolean[])[]): Tensor {
  const length = rows[0]?.length ?? 0;
  return fromBuffer(Uint8Array.from(rows.flat(), Number), [rows.length, length], "bool");
}
