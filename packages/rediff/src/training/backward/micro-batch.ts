/** One micro-batch: from samples to a loss, and to the gradients of what is trained.
 *  N positions of all samples together, R of them count, D width.
 *
 *  pictures -> positions -> corruption -> embeddings -> blocks -> positions that count -> cross-entropy, and the same
 *  way back, by the explicit loop of reverse.ts. Nothing is recorded outside of it. */
import { noGrad, Scope, scope, type Tensor } from "@rediff/torch";
import type { TrainingSample } from "../../data/samples/sample.js";
import {
  type CorruptedSample,
  corrupt,
  type MaskRange,
  type Objective,
  type ReviseRows,
  replacementLimit,
} from "../../diffusion/corruption.js";
import { type LossPosition, type LossWeighting, lossPositions, type Term } from "../../diffusion/objective.js";
import { type DrawSource, drawsFrom, type RecordedDraw } from "../../diffusion/random-draws.js";
import { allPieces, type ChainRunner, type LayersDone, type Pieces, piecesInside } from "../../models/chain.js";
import { idTensor } from "../../models/ids.js";
import { type LladaOptions, lladaStages, unrounded } from "../../models/llada/llada.js";
import { Rotary } from "../../models/llada/rotary.js";
import { additiveMask, conversationVisibility } from "../../models/llada/visibility.js";
import { assertPositions, embedSequence, textPlaces } from "../../models/llava/assembly.js";
import { type Model, needVision } from "../../models/llava/llava.js";
import { noVisuals, type VisualPass, visualPass } from "../../models/llava/vision-encoder.js";
import { conversationIds } from "../../text/conversation-ids.js";
import { addRowGradients, openGradient } from "./accumulate.js";
import { type ExpandedBatch, expandBatch, visualsWithin } from "./expand-batch.js";
import { headLoss } from "./head-loss.js";
import type { Parameter, TrainableModel } from "./parameters.js";
import { type Checkpointing, recordedChain, Tunables } from "./reverse.js";
import type { TrainingRules } from "./training-rules.js";

export interface StepOptions {
  objective: Objective;
  /** ReDiff divides by the probability of masking even what is never masked ("code"). */
  lossWeighting: LossWeighting;
  /** Default: `fullMaskRange`. */
  maskRange?: MaskRange;
  reviseRows?: ReviseRows;
  /** Default: 1. */
  reviseMasked?: number;
  /** Ours or the original's: how samples come together and what is masked. */
  rules: TrainingRules;
  checkpointing: Checkpointing;
  /** Gradients are of this times the loss: 1 / micro-batches, when they are averaged. */
  gradientScale: number;
  draws: DrawSource;
  /** Receives every draw. */
  log?: RecordedDraw[];
  /** Tokens of a sample, and positions after its pictures came in. */
  maxLength: number;
  /** Positions see their own and earlier turns only. */
  conversationMask: boolean;
}

/** Sums over the positions of each term, of one sample or of the batch. They add up to the loss. */
export type Terms = Partial<Record<Term, number>>;

export interface StepResult {
  loss: number;
  terms: Terms;
  /** Positions of each term. */
  counts: Record<Term, number>;
  /** For each sample its own loss by term, which `terms` is the mean of. */
  samples: Terms[];
  /** Positions that counted. */
  rows: number;
  /** Positions that the language model read, pictures included. */
  tokens: number;
}

/** Adds the micro-batch's gradients to the parameters'. */
export function trainStep(
  trainable: TrainableModel,
  samples: readonly TrainingSample[],
  options: StepOptions,
): StepResult {
  return allPieces(trainPieces(trainable, samples, options));
}

/** The same in pieces, layer by layer, forth and back. Whoever does not go on drops the gradients: they are half of what
 *  they should be. */
export function trainPieces(
  trainable: TrainableModel,
  samples: readonly TrainingSample[],
  options: StepOptions,
): Pieces<StepResult> {
  return freed(run(trainable, samples, options, true));
}

/** The same loss, without gradients. */
export function evaluateStep(
  trainable: TrainableModel,
  samples: readonly TrainingSample[],
  options: StepOptions,
): StepResult {
  return allPieces(evaluatePieces(trainable, samples, options));
}

/** The same in pieces. */
export function evaluatePieces(
  trainable: TrainableModel,
  samples: readonly TrainingSample[],
  options: StepOptions,
): Pieces<StepResult> {
  return freed(run(trainable, samples, options, false));
}

/** Without recording, and with all that the pieces made freed at their end. */
function* freed<T>(pieces: Pieces<T>): Pieces<T> {
  using owned = new Scope();
  return yield* piecesInside((body) => noGrad(() => owned.run(body)), pieces);
}

/** Zeros for parameters without a gradient. The reference's are zero where ours are absent, and its optimizer moves on
 *  by momentum and weight decay; without this it would leave those parameters alone. */
export function fillGradients(parameters: readonly Parameter[]): void {
  noGrad(() => parameters.forEach(openGradient));
}

function* run(
  trainable: TrainableModel,
  samples: readonly TrainingSample[],
  options: StepOptions,
  differentiate: boolean,
): Pieces<StepResult> {
  const { model } = trainable;
  const tunables = new Tunables(differentiate ? trainable : { ...trainable, parameters: [] });
  const chain = recordedChain(tunables, options.checkpointing);
  const pictures = yield* seePictures(model, samples, chain, options);
  yield ahead(model, model.llada.weights.embedTokens);
  const batch = expandBatch(
    samples,
    pictures.rows.map((rows) => rows.size(0)),
    { maxLength: options.maxLength, pad: model.tokenizer.special.pad, align: options.rules.align },
  );
  for (const length of batch.lengths) assertPositions(model.config.llada, length, 0);
  const corrupted = corruptBatch(model, batch, options);
  const counted = lossPositions(batch.samples, corrupted, options);
  const ids = corrupted.flatMap((sample) => sample.ids);
  const work = { model, batch, ids, counted, pictures };
  const losses = counted.length === 0 ? [] : yield* throughModel(tunables, chain, work, options, differentiate);
  return summarize(counted, losses, samples.length, ids.length);
}

function* seePictures(
  model: Model,
  samples: readonly TrainingSample[],
  run: ChainRunner,
  { maxLength }: StepOptions,
): Pieces<VisualPass> {
  const visuals = samples.flatMap((sample) => sample.visuals.slice(0, visualsWithin(sample, maxLength)));
  if (visuals.length === 0) return noVisuals;
  return yield* visualPass(model, needVision(model, "learn from pictures"), visuals, run);
}

function corruptBatch(
  model: Model,
  batch: ExpandedBatch,
  { draws, log, objective, maskRange, reviseRows, reviseMasked, rules }: StepOptions,
): CorruptedSample[] {
  const { mask, bos } = model.tokenizer.special;
  return corrupt(batch.samples, drawsFrom(draws, log), {
    objective,
    rules: rules.corruption,
    maskRange,
    reviseRows,
    reviseMasked,
    maskId: mask,
    maskLike: rules.masksAmong(
      model,
      batch.samples.flatMap(({ ids }) => ids),
    ),
    replacementLimit: replacementLimit(model.config.llada.vocabSize, bos),
  });
}

/** All that is known of a batch before the language model runs. */
interface MicroBatch {
  model: Model;
  batch: ExpandedBatch;
  /** Of all positions, corruption included; negative where a picture or padding lies. */
  ids: readonly number[];
  counted: readonly LossPosition[];
  pictures: VisualPass;
}

/** The cross-entropy of every position that counts; with `differentiate`, gradients are added. */
function* throughModel(
  tunables: Tunables,
  run: ChainRunner,
  work: MicroBatch,
  options: StepOptions,
  differentiate: boolean,
): Pieces<Float64Array> {
  const { model, batch, ids, counted, pictures } = work;
  const { embedTokens, head } = unrounded(model.llada).weights;
  const input_1ND = embedSequence(model.llada, ids, batch.placements, pictures.rows).unsqueeze(0);
  const needsInput = tunables.parameterOf(embedTokens) !== undefined || pictures.differentiable;
  const stages = lladaStages(model.llada, languageContext(work, input_1ND, options));
  const pass = yield* run(stages, input_1ND, "language", { needsInput });

  const asked = { hidden: pass.output.squeezeDim(0), targets: counted.map(({ target }) => target) };
  yield ahead(model, head);
  if (!differentiate) return headLoss(head, asked).losses;
  const { losses, hiddenGradient } = headLoss(head, asked, {
    weights: counted.map(({ weight }) => weight * options.gradientScale),
    parameter: tunables.parameterOf(head),
  });
  asked.hidden.dispose();
  if (!pass.differentiable || hiddenGradient === undefined) return losses;
  const inputGradient = yield* pass.backward(hiddenGradient.unsqueeze(0));
  if (inputGradient !== undefined) yield* spreadInputGradient(tunables, work, inputGradient.squeezeDim(0));
  return losses;
}

/** Before a weight that is read outside of the chains: the table of tokens, the head. */
function ahead({ llada }: Model, weight: Tensor): LayersDone {
  const total = llada.weights.blocks.length;
  const done = weight === llada.weights.head ? total : 0;
  return { part: "language", done, total, needs: { weights: weight, way: "forth" } };
}

/** The gradient of every position to where its row came from: [N, D] */
function* spreadInputGradient(
  tunables: Tunables,
  { model, batch, ids, pictures }: MicroBatch,
  gradient: Tensor,
): Pieces<void> {
  const table = tunables.parameterOf(model.llada.weights.embedTokens);
  if (table !== undefined)
    scope(() => {
      // The padding token's row never learns as an input: torch's padding_idx, where the config names one.
      const padding = model.config.raw.pad_token_id;
      const places = textPlaces(ids).filter((place) => ids[place] !== padding);
      const tokens = places.map((place) => ids[place] as number);
      addRowGradients(table, tokens, gradient.indexSelect(0, idTensor(places, model.device)));
    });
  if (!pictures.differentiable) return;
  const ofRows: (Tensor | undefined)[] = pictures.rows.map(() => undefined);
  for (const { visual, start, count } of batch.placements)
    if (count > 0) ofRows[visual] = gradient.narrow(0, start, count);
  yield* pictures.backward(ofRows);
}

/** How the micro-batch goes through the network: samples end to end, and only the positions that count come out. */
function languageContext(
  { model, batch, counted }: MicroBatch,
  input_1ND: Tensor,
  { conversationMask }: StepOptions,
): LladaOptions {
  const { lengths } = batch;
  const positions = lengths.flatMap((length) => [...new Array(length).keys()]);
  const starts = lengths.map((_, s) => lengths.slice(0, s).reduce((sum, length) => sum + length, 0));
  return {
    rotary: new Rotary(model.llada.config).tables([positions], model.dtype, model.device),
    visible: conversationMask ? { mask: turnMask(model, batch, input_1ND) } : { segments: lengths },
    asked: {
      index: idTensor(
        counted.map(({ sample, position }) => (starts[sample] as number) + position),
        model.device,
      ),
      perSegment: lengths.map((_, s) => counted.filter(({ sample }) => sample === s).length),
    },
  };
}

/** Who sees whom when turns matter: [1, 1, N, N], to be added to the scores. */
function turnMask(model: Model, { samples, lengths }: ExpandedBatch, like: Tensor): Tensor {
  const { startHeader, eot } = model.tokenizer.special;
  const tokens = { startHeader, eot, assistant: model.tokenizer.encode("assistant")[0] ?? -1 };
  const turns = samples.flatMap(({ labels }) => conversationIds(labels, tokens));
  const owners = lengths.flatMap((length, s) => new Array<number>(length).fill(s));
  return scope(() => {
    const owner = idTensor(owners, model.device);
    const together = owner.unsqueeze(0).eq(owner.unsqueeze(1));
    const seen = conversationVisibility(idTensor(turns, model.device).unsqueeze(0)).logicalAnd(together);
    return additiveMask(seen, like);
  });
}

function summarize(
  counted: readonly LossPosition[],
  losses: ArrayLike<number>,
  sampleCount: number,
  tokens: number,
): StepResult {
  const counts = { masked: 0, corrupted: 0, clean: 0, revised: 0 };
  const terms: Terms = {};
  const samples = Array.from({ length: sampleCount }, (): Terms => ({}));
  let loss = 0;
  for (const [i, { sample, term, weight }] of counted.entries()) {
    const part = weight * (losses[i] as number);
    const own = samples[sample] as Terms;
    loss += part;
    counts[term]++;
    terms[term] = (terms[term] ?? 0) + part;
    own[term] = (own[term] ?? 0) + part * sampleCount;
  }
  return { loss, terms, counts, samples, rows: counted.length, tokens };
}
