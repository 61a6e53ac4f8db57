/** A language model whose embeddings can be told apart at a glance, and pictures likewise: for tests of how sequences are
 *  put together. */
import { type Tensor, tensor } from "@rediff/torch";
import type { Llada } from "../models/llada/llada.js";
import type { LladaConfig } from "../models/llada/llada-config.js";

/** Stands for a picture in a list of ids. */
export const I = -200;

/** Token t has the row [t, t + 0.5]. */
export const countable = (): Llada => ({
  config: { vocabSize: 10, hiddenSize: 2 } as LladaConfig,
  weights: {
    embedTokens: tensor(Array.from({ length: 10 }, (_, t) => [t, t + 0.5])),
    blocks: [],
    norm: tensor([1, 1]),
    head: tensor([[1, 1]]),
  },
});

/** The rows of tokens, and of picture k: [100 k + i, -1]. */
export const text = (...ids: number[]): number[][] => ids.map((t) => [t, t + 0.5]);
export const pictureRows = (k: number, rows: number): number[][] =>
  Array.from({ length: rows }, (_, i) => [100 * k + i, -1]);
export const picture = (k: number, rows: number): Tensor => tensor(pictureRows(k, rows));

/** A tensor's rows. */
export const lines = (t: Tensor): number[][] => t.unbind(0).map((row) => row.toNumbers());
