/** Cross-entropy of the rows that count, and its gradients, without the logits of all rows over the whole vocabulary:
 *  [1500, 126464] in float32 would be 0.76 GB, several times over.
 *  R rows that count, V vocabulary, D width; r rows of a chunk, v tokens of a tile.
 *
 *      loss_i = log sum_v exp(z_iv) - z_i,target        dz_iv = weight_i (softmax(z_i)_v - [v = target])
 *
 *  Written out by hand: the logits of a chunk are overwritten by their own gradient, tile by tile while a tile is in the
 *  processor's cache. Softmax in float32 (float64 for a float64 model), as in the reference. */
import { cat, fromBuffer, full, scope, type Tensor, upload, zeros } from "@rediff/torch";
import { idTensor } from "../../models/ids.js";
import { linear, linearInputGradient, linearWeightGradient } from "../../models/kernels.js";
import { gradientDtype, openGradient } from "./accumulate.js";
import type { Parameter } from "./parameters.js";

export interface HeadLimits {
  /** Bytes of a chunk's logits. */
  chunkBytes: number;
  /** Tokens of a tile on a CPU; elsewhere a tile is the whole vocabulary. */
  tile: number;
}

const LIMITS: HeadLimits = { chunkBytes: 2 ** 28, tile: 8192 };

export interface HeadLoss {
  /** Cross-entropy of each row, unweighted. */
  losses: Float64Array;
  /** d loss / d hidden in its dtype: [R, D]. Present when gradients were asked for. */
  hiddenGradient: Tensor | undefined;
}

export interface HeadRows {
  hidden: Tensor; // [R, D], after the last norm
  targets: readonly number[];
}

/** How gradients are to be computed: of sum_i weight_i loss_i. */
export interface HeadGradients {
  weights: readonly number[];
  /** The head, when it is trained: its gradient is added. */
  parameter: Parameter | undefined;
}

export function headLoss(
  head: Tensor,
  { hidden, targets }: HeadRows,
  gradients?: HeadGradients,
  limits: HeadLimits = LIMITS,
): HeadLoss {
  const rows = targets.length;
  const [vocabulary = 1] = head.shape;
  const perChunk = Math.max(1, Math.floor(limits.chunkBytes / (4 * vocabulary)));
  const chunks = Math.ceil(rows / perChunk);
  const losses = new Float64Array(rows);
  const hiddenGradient = scope(() => {
    const parts: Tensor[] = [];
    for (let c = 0; c < chunks; c++) {
      // Equal chunks: a last one of few rows would cost a pass over the head all the same.
      const start = Math.floor((c * rows) / chunks);
      const end = Math.floor(((c + 1) * rows) / chunks);
      const part = scope(() => {
        const chunk = { hidden: hidden.narrow(0, start, end - start), targets: targets.slice(start, end) };
        const weights = gradients && { ...gradients, weights: gradients.weights.slice(start, end) };
        const result = chunkLoss(head, chunk, weights, limits.tile);
        losses.set(result.losses.toNumbers(), start);
        return result.hiddenGradient;
      });
      if (part !== undefined) parts.push(part);
    }
    if (gradients === undefined) return undefined;
    return parts.length === 0 ? zeros(hidden.shape, { dtype: hidden.dtype, device: hidden.device }) : cat(parts, 0);
  });
  return { losses, hiddenGradient };
}

/** A slice of the vocabulary. */
interface Tile {
  start: number;
  head: Tensor; // [v, D]
  logits: Tensor; // [r, v], then exp(logits - max), then their gradient
  /** The chunk's rows whose target lies here, and where: int64 */
  rows: Tensor;
  columns: Tensor;
}

function chunkLoss(
  head: Tensor,
  { hidden, targets }: HeadRows,
  gradients: HeadGradients | undefined,
  tile: number,
): { losses: Tensor; hiddenGradient: Tensor | undefined } {
  const device = hidden.device;
  const wide = gradientDtype(hidden);
  const rows = targets.length;
  const tiles = cutHead(head, device === "cpu" ? tile : head.size(0)).map(({ start, head }): Tile => {
    const mine = [...targets.entries()].filter(([, target]) => target >= start && target < start + head.size(0));
    return {
      start,
      head,
      logits: linear(hidden, head).to({ dtype: wide }),
      rows: idTensor(
        mine.map(([row]) => row),
        device,
      ),
      columns: idTensor(
        mine.map(([, target]) => target - start),
        device,
      ),
    };
  });

  const chosen = zeros([rows], { dtype: wide, device });
  let max = full([rows, 1], Number.NEGATIVE_INFINITY, { dtype: wide, device });
  for (const { logits, rows, columns } of tiles) {
    chosen.indexCopy_(0, rows, logits.index([rows, columns]));
    max = max.maximum(logits.amax([1], true));
  }
  const sum = zeros([rows, 1], { dtype: wide, device });
  for (const { logits } of tiles) sum.add_(logits.sub_(max).exp_().sum([1], true));
  const losses = sum.log().add(max).squeezeDim(1).sub(chosen);
  if (gradients === undefined) return { losses, hiddenGradient: undefined };

  const weights = upload(fromBuffer(Float64Array.from(gradients.weights), [rows]).to({ dtype: wide }), device);
  const scale = weights.unsqueeze(1).div(sum);
  const hiddenGradient = zeros(hidden.shape, { dtype: wide, device });
  for (const { start, head, logits, rows, columns } of tiles)
    scope(() => {
      const exact = logits.mul_(scale);
      exact.indexPut_([rows, columns], weights.indexSelect(0, rows).neg(), true);
      const gradient = exact.to({ dtype: hidden.dtype });
      hiddenGradient.add_(linearInputGradient(gradient, head));
      if (gradients.parameter !== undefined)
        openGradient(gradients.parameter).narrow(0, start, head.size(0)).add_(linearWeightGradient(gradient, hidden));
      logits.dispose();
    });
  return { losses, hiddenGradient: hiddenGradient.to({ dtype: hidden.dtype }) };
}

function cutHead(head: Tensor, size: number): { start: number; head: Tensor }[] {
  const vocabulary = head.size(0);
  const tiles = [];
  for (let start = 0; start < vocabulary; start += size)
    tiles.push({ start, head: head.narrow(0, start, Math.min(size, vocabulary - start)) });
  return tiles;
}
