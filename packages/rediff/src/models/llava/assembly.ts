/** The sequence that LLaDA reads: token ids with a placeholder for each picture, to one position for each token and each
 *  of the pictures' rows. Arithmetic first (`expand`), then embeddings (`embedSequence`); a prompt and a batch of
 *  training samples go the same way.
 *  N positions, D width. */
import { noGrad, Scope, scope, type Tensor, zeros } from "@rediff/torch";
import { OptionError, option, UserError, wording } from "../../errors.js";
import { imagePlaceholder } from "../../text/image-tokens.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { allPieces, type Pieces, piecesInside } from "../chain.js";
import { idTensor } from "../ids.js";
import type { Llada } from "../llada/llada.js";
import { furthest, type LladaConfig } from "../llada/llada-config.js";
import type { KeptFeatures } from "./kept-features.js";
import type { Model } from "./llava.js";
import { visualPieces } from "./vision-encoder.js";

/** Where a visual's rows are in a sequence. */
export interface Placement {
  /** Which of the visuals. */
  visual: number;
  /** Its first position. */
  start: number;
  /** How many of its rows are there; fewer than it has where the sequence was cut. */
  count: number;
}

export interface Expanded {
  /** For each position the index of the id that it comes from: `lists` are expanded with it. */
  source: number[];
  placements: Placement[];
}

/** Gives every placeholder as many positions as its visual has rows, and cuts what is beyond `maxLength`.
 *  @param counts rows of each visual, in the order of the placeholders; as many as there are placeholders */
export function expand(
  ids: readonly number[],
  counts: readonly number[],
  maxLength = Number.POSITIVE_INFINITY,
): Expanded {
  const source: number[] = [];
  const placements: Placement[] = [];
  for (const [i, id] of ids.entries()) {
    const visual = placements.length;
    const wanted = id === imagePlaceholder ? (counts[visual] as number) : 1;
    const start = source.length;
    const count = Math.min(wanted, Math.max(0, maxLength - start));
    for (let n = 0; n < count; n++) source.push(i);
    if (id === imagePlaceholder) placements.push({ visual, start, count });
  }
  return { source, placements };
}

/** Tokens and visuals as the language model's input, zeros where an id is negative and no visual lies: [N, D]
 *  @param ids of all positions
 *  @param rows of each visual: [tokens, D] */
export function embedSequence(
  { config, weights }: Llada,
  ids: readonly number[],
  placements: readonly Placement[],
  rows: readonly Tensor[],
): Tensor {
  const { dtype, device } = weights.embedTokens;
  return scope(() => {
    const input_ND = zeros([ids.length, config.hiddenSize], { dtype, device });
    const places = textPlaces(ids);
    const tokens = places.map((place) => ids[place] as number);
    input_ND.indexCopy_(0, idTensor(places, device), weights.embedTokens.indexSelect(0, idTensor(tokens, device)));
    for (const { visual, start, count } of placements)
      if (count > 0) input_ND.narrow(0, start, count).copy_((rows[visual] as Tensor).narrow(0, 0, count));
    return input_ND;
  });
}

/** The positions that hold a token. */
export const textPlaces = (ids: readonly number[]): number[] => [...ids.keys()].filter((i) => (ids[i] as number) >= 0);

/** Prompt ids with placeholders, and the visuals for them, to what LLaDA reads: [N, D], in gradient-free mode.
 *  @throws UserError when they do not fit together, or take more positions than the model has (`reserve` for the answer
 *  included) */
export function promptEmbeddings(
  model: Model,
  ids: readonly number[],
  visuals: readonly Visual[],
  reserve = 0,
): Tensor {
  return allPieces(promptPieces(model, ids, visuals, reserve));
}

/** The same in pieces, between which others have their turn.
 *  @param kept has the rows of visuals that were encoded before */
export function* promptPieces(
  model: Model,
  ids: readonly number[],
  visuals: readonly Visual[],
  reserve = 0,
  kept?: KeptFeatures,
): Pieces<Tensor> {
  checkPrompt(model.config.llada, ids, visuals.length);
  const owned = new Scope();
  try {
    const rows = yield* piecesInside(
      (body) => noGrad(() => owned.run(body)),
      visualPieces(model, visuals, undefined, kept),
    );
    const { source, placements } = expand(
      ids,
      rows.map((own) => own.size(0)),
    );
    assertPositions(model.config.llada, source.length, reserve);
    const expanded = source.map((i) => ids[i] as number);
    return noGrad(() => embedSequence(model.llada, expanded, placements, rows));
  } finally {
    owned[Symbol.dispose]();
  }
}

/** @throws UserError when the counts differ (the reference would take the next sample's picture), when there is nothing
 *  to read, or when an id has no row in the model */
export function checkPrompt({ vocabSize }: LladaConfig, ids: readonly number[], visuals: number): void {
  const placeholders = ids.filter((id) => id === imagePlaceholder).length;
  if (placeholders !== visuals)
    throw new UserError(
      `the prompt has ${placeholders} <image> but ${visuals} pictures were given`,
      "Add the missing pictures, or remove a marker.",
    );
  const bad = ids.find((id) => id !== imagePlaceholder && !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (bad !== undefined)
    throw new UserError(
      `token id ${bad} is outside the model's vocabulary of ${vocabSize}`,
      "Tokenizer and weights belong to different models.",
    );
  if (ids.length === 0) throw new UserError("the prompt is empty");
}

/** @throws OptionError when a prompt and its answer have more positions than a model */
export function assertPositions(config: LladaConfig, prompt: number, answer: number): void {
  const positions = furthest(config);
  if (prompt + answer <= positions) return;
  throw new OptionError(
    "genLength",
    `the prompt has ${prompt} tokens and the answer ${answer}, together more than the model's ${positions} positions`,
    wording`Use fewer or smaller pictures, a shorter question, or a smaller ${option("genLength")}.`,
    { problem: "context_length" },
  );
}
