/** From hidden states to tokens and confidences. V vocabulary, D width, R rows, C tokens of a piece of the vocabulary.
 *
 *  In pieces of the vocabulary: a piece's logits are made, forbidden tokens taken out, and added to sums (softmax-sums.ts), so
 *  that the logits of 126,464 tokens are never there at once, and are read once. What needs them all, a sample at a
 *  temperature, has them all, by libtorch's operators one by one (token-candidates.ts): that way is the yardstick, too. */
import { cat, maximum, QuantizedWeight, scope, type Tensor, where } from "@rediff/torch";
import { idTensor } from "../../models/ids.js";
import { isHeadWhole } from "../../models/kernels.js";
import { headLogits, type Llada, logits } from "../../models/llada/llada.js";
import type { Model } from "../../models/llava/llava.js";
import type { DecodeOptions } from "../decode-options.js";
import { flagList, type HostList, idList, type PassInputs, uploaded } from "../pass/pass-inputs.js";
import type { ConfidenceRule } from "../rules.js";
import { addLogits, answersOf, logWeightOf } from "./softmax-sums.js";
import { amongAll, ban, candidates, forbid, logWeight, type Noise, type TokenBan } from "./token-candidates.js";

/** One prompt's rows. */
export interface HeadShare {
  /** Positions of the rows in the answer. Under guidance, as many rows follow that do not know the prompt. */
  positions: readonly number[];
  /** Whether a position is a mask. */
  masked: readonly boolean[];
  options: DecodeOptions;
  confidence: ConfidenceRule;
  bans: readonly TokenBan[];
  noise: Noise;
  /** The token that each row's position holds now, where it is asked how likely that is. */
  present?: readonly number[] | undefined;
}

/** Tokens that are never generated, on the device. */
export interface Forbidden {
  ids: readonly number[];
  ids_I: Tensor; // int64
  ids_1V: Tensor; // bool
}

/** A share with what is left out of its rows: planned once for a pass, whoever asks for it then. */
export interface PlannedShare extends HeadShare {
  exclusions: readonly PlannedExclusion[];
}

/** Tokens of the vocabulary in a piece, or all of them at once. */
export type HeadPiece = number | "whole";

/** On a CPU a piece's logits stay in its caches: of a rounded head a larger one, for rows are rounded anew for each. Elsewhere
 *  it is large, for few launches. */
export function usualPiece({ device, llada }: Pick<Model, "device" | "llada">): HeadPiece {
  if (isHeadWhole()) return "whole";
  if (device !== "cpu") return 32_768;
  return llada.weights.head instanceof QuantizedWeight ? 8192 : 2048;
}

const isGuided = ({ options }: HeadShare): boolean => options.cfgScale > 0;
const rowsOf = (share: HeadShare): number => share.positions.length * (isGuided(share) ? 2 : 1);
const isOfAll = ({ options }: HeadShare): boolean =>
  // Random confidences are shares of nothing.
  options.confidenceAmong === "all" && options.remasking === "low_confidence";
const asksEntropy = ({ options }: HeadShare): boolean => options.rule === "entropy";

/** Whether a prompt's answers cannot be had in pieces: Gumbel noise is drawn for all tokens of a row at once. */
const needsWhole = ({ options }: HeadShare): boolean => options.temperature > 0;

export interface HeadQuestion {
  llada: Llada;
  /** Tokens that may be generated at all are the first of them. */
  vocabulary: number;
  forbidden: Forbidden;
  piece: HeadPiece;
}

/** Tokens, confidences and, where they are asked for, entropies and the probabilities of present tokens, of each prompt:
 *  float64 [2 R_i] to [4 R_i], end to end.
 *  @param hidden_RD the prompts' rows, end to end
 *  @param inputs where `headLists` become tensors */
export function headAnswers(
  question: HeadQuestion,
  hidden_RD: Tensor,
  shares: readonly PlannedShare[],
  inputs: PassInputs = uploaded(hidden_RD.device),
): Tensor {
  return scope(() => {
    const { piece } = question;
    const isWhole = shares.map((share) => piece === "whole" || needsWhole(share));
    const parts = hidden_RD.splitWithSizes(shares.map(rowsOf), 0);
    const answers: Tensor[] = [];
    for (const whole of [true, false]) {
      const chosen = shares.flatMap((_, i) => (isWhole[i] === whole ? [i] : []));
      if (chosen.length === 0) continue;
      const own_RD =
        chosen.length === shares.length
          ? hidden_RD
          : cat(
              chosen.map((i) => parts[i] as Tensor),
              0,
            );
      const group = chosen.map((i) => shares[i] as PlannedShare);
      const found =
        whole || piece === "whole"
          ? wholeAnswers(question, own_RD, group)
          : pieceAnswers(question, own_RD, group, { piece, inputs });
      for (const [nth, i] of chosen.entries()) answers[i] = (found[nth] as Tensor).flatten();
    }
    return answers.length === 1 ? (answers[0] as Tensor) : cat(answers, 0);
  });
}

/** Each prompt's rows; under guidance u + (s + 1)(c - u). */
function eachShare(logits_RC: Tensor, shares: readonly HeadShare[]): Tensor[] {
  const parts = logits_RC.splitWithSizes(shares.map(rowsOf), 0);
  return shares.map((share, i) => {
    const rows = parts[i] as Tensor;
    if (!isGuided(share)) return rows;
    const count = share.positions.length;
    const [guided, unguided] = [0, count].map((start) => rows.narrow(0, start, count).to({ dtype: "float32" }));
    return (unguided as Tensor).add((guided as Tensor).sub(unguided as Tensor).mul(share.options.cfgScale + 1));
  });
}

function wholeAnswers(question: HeadQuestion, hidden_RD: Tensor, shares: readonly HeadShare[]): Tensor[] {
  const { llada, vocabulary, forbidden } = question;
  return eachShare(logits(llada, hidden_RD, vocabulary), shares).map((logits_RV, i) => {
    const share = shares[i] as HeadShare;
    const { options, positions, masked, confidence, bans, noise } = share;
    const all_R = isOfAll(share) ? logWeight(logits_RV) : undefined; // before `forbid`, which writes in place
    const present_R = share.present && presentLogits(logits_RV, idTensor(share.present, logits_RV.device), 0);
    const allowed_RV = ban(forbid(logits_RV, forbidden.ids_I, masked, options), bans, positions);
    const { temperature, remasking } = options;
    const wanted = { temperature, remasking, confidence, entropy: asksEntropy(share) };
    const answers = candidates(allowed_RV, wanted, noise);
    const found = all_R === undefined ? answers : amongAll(answers, allowed_RV, all_R);
    if (present_R === undefined) return found;
    return withPresent(found, present_R, all_R ?? logWeight(allowed_RV));
  });
}

/** The logits of the tokens that are there now; -inf for those outside of a piece that begins with `first`: float64 [R] */
function presentLogits(logits_RC: Tensor, ids_R: Tensor, first: number): Tensor {
  const at_R = ids_R.sub(first);
  const found_R = logits_RC
    .gather(1, at_R.clamp(0, logits_RC.size(1) - 1).unsqueeze(1))
    .squeezeDim(1)
    .to({ dtype: "float64" });
  const isHere_R = at_R.ge(0).logicalAnd(at_R.lt(logits_RC.size(1)));
  return where(isHere_R, found_R, found_R.mul(0).add(Number.NEGATIVE_INFINITY));
}

/** Answers with a row more: how likely the present tokens are, of what confidence is a share of. */
const withPresent = (answers: Tensor, present_R: Tensor, weight_R: Tensor): Tensor =>
  cat([answers, present_R.sub(weight_R).exp().clamp(0, 1).unsqueeze(0)], 0);

/** Sums of a prompt's rows so far. */
interface Sums {
  allowed?: Tensor;
  /** With what is forbidden, where that is wanted. */
  all?: Tensor;
  /** Logits of the tokens that are there now. */
  present?: Tensor;
}

function pieceAnswers(
  { llada, vocabulary }: HeadQuestion,
  hidden_RD: Tensor,
  shares: readonly PlannedShare[],
  { piece, inputs }: { piece: number; inputs: PassInputs },
): Tensor[] {
  const exclusions = shares.map((share) =>
    share.exclusions.map(({ ids_1V, ids, hits }) => ({ ids_1V, ids, rows_R1: hits && inputs.flags(hits) })),
  );
  const presentIds = shares.map(({ present }) => present && inputs.ids(present));
  let sums: Sums[] = shares.map(() => ({}));
  for (let first = 0; first < vocabulary; first += piece) {
    const count = Math.min(piece, vocabulary - first);
    sums = scope(() =>
      eachShare(headLogits(llada, hidden_RD, first, count), shares).map((logits_RC, i) => {
        const share = shares[i] as HeadShare;
        const before = sums[i] as Sums;
        const precise = share.confidence === "float64_softmax" || isOfAll(share);
        const all = isOfAll(share) ? addLogits(before.all, logits_RC, first, precise) : undefined;
        const ids_R = presentIds[i];
        const here = ids_R && presentLogits(logits_RC, ids_R, first);
        const present = here && (before.present === undefined ? here : maximum(before.present, here));
        for (const exclusion of exclusions[i] as Exclusion[]) exclude(logits_RC, exclusion, first);
        const allowed = addLogits(before.allowed, logits_RC, first, precise);
        return { allowed, ...(all !== undefined && { all }), ...(present !== undefined && { present }) };
      }),
    );
  }
  return shares.map((share, i) => {
    const { allowed, all, present } = sums[i] as Sums;
    const wanted = { remasking: share.options.remasking, entropy: asksEntropy(share) };
    const answers = answersOf(allowed as Tensor, all, wanted, share.noise);
    return present === undefined ? answers : withPresent(answers, present, logWeightOf(all ?? (allowed as Tensor)));
  });
}

/** Tokens that may not be written in some rows. */
interface PlannedExclusion {
  /** Which of those that there may be: the forbidden tokens, or a ban by its number. */
  name: string;
  ids_1V: Tensor;
  /** Where they are few: pieces without one of them are left alone. */
  ids?: readonly number[] | undefined;
  /** Whether a row is one of them; undefined is all. */
  hits: readonly boolean[] | undefined;
}

/** The same once the device knows which rows. */
type Exclusion = Omit<PlannedExclusion, "hits" | "name"> & { rows_R1: Tensor | undefined };

/** The lists that the head by pieces asks for, in its order. */
export const headLists = (shares: readonly PlannedShare[]): HostList[] => [
  ...shares.flatMap(({ exclusions }) => exclusions.flatMap(({ hits }) => (hits ? [flagList(hits)] : []))),
  ...shares.flatMap(({ present }) => (present ? [idList(present)] : [])),
];

/** What is left out of a share's rows, as `forbid` and `ban` have it. */
export function planShare(share: HeadShare, { ids, ids_1V }: Forbidden): PlannedShare {
  const { options, masked, positions, bans } = share;
  const among = (hits: readonly boolean[], exclusion: Omit<PlannedExclusion, "hits">): PlannedExclusion[] =>
    hits.includes(true) ? [{ ...exclusion, hits: hits.includes(false) ? hits : undefined }] : [];
  const exclusions = [
    ...among(options.revise ? masked.map(() => true) : masked, { name: "forbidden", ids, ids_1V }),
    ...bans.flatMap((ban, i) =>
      among(
        positions.map((position) => ban.positions?.has(position) ?? true),
        { name: `ban ${i}`, ids_1V: ban.ids_1V },
      ),
    ),
  ];
  return { ...share, exclusions };
}

/** -inf for the tokens of a piece that begins with `first`, in place. */
function exclude(logits_RC: Tensor, { ids_1V, rows_R1, ids }: Exclusion, first: number): void {
  const count = logits_RC.size(1);
  if (ids !== undefined && !ids.some((id) => id >= first && id < first + count)) return;
  scope(() => {
    const ids_1C = ids_1V.narrow(1, first, count);
    logits_RC.maskedFill_(rows_R1 === undefined ? ids_1C : rows_R1.logicalAnd(ids_1C), Number.NEGATIVE_INFINITY);
  });
}
