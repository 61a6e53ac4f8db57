/** Golden group generation: every step of recorded runs, token by token, and the small tables behind them.
 *
 *  Each run is repeated twice: in `compat`, where every token of every step has to equal the recorded one, and on the
 *  default path, whose answer has to be the same wherever the original's quirks did not bite. And each is repeated with a
 *  cache that is refreshed in every pass, and with the head in several pieces of the vocabulary, which has to change no
 *  step. */
import { join } from "node:path";
import { inferenceMode, noGrad, scope, type Tensor } from "@rediff/torch";
import { z } from "zod";
import type { CacheOptions } from "../../../diffusion/cache/cache-options.js";
import { type DecodeOptions, decodeOptions } from "../../../diffusion/decode-options.js";
import type { DecodeResult, DecodeStep } from "../../../diffusion/decode-step.js";
import { Decoder } from "../../../diffusion/decoder.js";
import type { HeadPiece } from "../../../diffusion/head/head-answers.js";
import { addGumbelNoise, type Noise } from "../../../diffusion/head/token-candidates.js";
import { reviseCount, transferSchedule } from "../../../diffusion/transfer-schedule.js";
import { UserError } from "../../../errors.js";
import { idTensor } from "../../../models/ids.js";
import { embed } from "../../../models/llada/llada.js";
import { promptEmbeddings } from "../../../models/llava/assembly.js";
import type { Model } from "../../../models/llava/llava.js";
import { renderPrompt } from "../../../text/chat-template.js";
import { encodePrompt } from "../../../text/image-tokens.js";
import { loadPicture } from "../../../vision/picture/load-picture.js";
import type { GoldenCase, GoldenTensor, Outcome } from "../golden-case.js";
import { goldenModel, recorded, Verdict } from "./recorded-tensors.js";

type Recorded = Map<string, GoldenTensor>;

const paramsSchema = z.object({
  steps: z.number().optional(),
  gen_length: z.number().optional(),
  block_length: z.number().optional(),
  temperature: z.number().optional(),
  cfg_scale: z.number().optional(),
  remasking: z.string().optional(),
  stopping_criteria: z.array(z.string()).nullish(),
  generation_suffix: z.string().nullish(),
  revise: z.boolean().optional(),
  revise_start: z.number().optional(),
  revise_topk: z.number().nullish(),
  fake_ans: z.array(z.array(z.number())).nullish(),
});

const cacheSchema = z
  .object({ prompt_interval_steps: z.number(), gen_interval_steps: z.number(), transfer_ratio: z.number() })
  .nullish();

/** The reference's parameters as our options. */
function optionsFrom(model: Model, raw: unknown, rawCache?: unknown): Partial<DecodeOptions> {
  const p = paramsSchema.parse(raw);
  const cache = cacheSchema.parse(rawCache ?? null);
  const options: Partial<DecodeOptions> = {
    // The reference's own defaults are fixed; ours follow gen_length.
    steps: p.steps ?? 128,
    genLength: p.gen_length ?? 128,
    blockLength: p.block_length ?? 128,
    temperature: p.temperature ?? 0,
    cfgScale: p.cfg_scale ?? 0,
    remasking: (p.remasking ?? "low_confidence") as DecodeOptions["remasking"],
    stop: (p.stopping_criteria ?? []).map((text) => model.tokenizer.encode(text)),
    suffix: p.generation_suffix ? model.tokenizer.encode(p.generation_suffix) : [],
    draft: p.fake_ans?.[0] ?? [],
    revise: p.revise ?? false,
    reviseStart: p.revise_start ?? 1,
    reviseTopk: p.revise_topk ?? undefined,
  };
  if (cache)
    options.cache = {
      kind: "dllm-cache",
      promptInterval: cache.prompt_interval_steps,
      genInterval: cache.gen_interval_steps,
      transferRatio: cache.transfer_ratio,
    };
  return options;
}

export async function run(golden: GoldenCase): Promise<Outcome> {
  if ("num_transfer" in golden.outputs) return compareTables(golden);
  if (JSON.stringify(golden.outputs).includes("k_for_n_")) return compareReviseCounts(golden);
  const model = await goldenModel(golden.checkpoint);
  if ("rows" in golden.outputs) return compareErrors(golden, model);
  const prompt = await promptOf(golden, model);
  try {
    return compareRun(golden, model, prompt);
  } finally {
    prompt.dispose();
  }
}

const textInputs = z.object({ input_ids: z.array(z.number()) });
const pictureInputs = textInputs.extend({ image: z.string(), question: z.string(), decode: z.string().default("") });

/** The rows of the prompt: recorded, from ids, or from a picture file and a question. */
async function promptOf(golden: GoldenCase, model: Model): Promise<Tensor> {
  const tensors = golden.tensors();
  if (tensors.has("in.inputs_embeds")) return noGrad(() => recorded(tensors, "in.inputs_embeds").select(0, 0));
  if (!("image" in golden.inputs)) {
    const { input_ids } = textInputs.parse(golden.inputs);
    return noGrad(() => scope(() => embed(model.llada, idTensor(input_ids, model.device))));
  }
  const inputs = pictureInputs.parse(golden.inputs);
  const geometry = model.vision?.geometry;
  if (geometry === undefined) throw new Error("the checkpoint has no vision tower");
  const tiles = await loadPicture(join(golden.root, inputs.image), {
    colors: inputs.decode.includes("without convert") ? "asis" : "rgb",
    autoOrient: false,
    tileSize: geometry.tileSize,
    aspectRatio: geometry.aspectRatio,
    pinpoints: geometry.pinpoints,
  });
  const text = renderPrompt(model.tokenizer, [
    { role: "user", content: inputs.question },
    { role: "assistant", content: null },
  ]);
  const ids = encodePrompt(model.tokenizer, text, { join: "legacy", images: 1 });
  if (ids.join() !== inputs.input_ids.join()) throw new Error(`prompt ids differ: ${ids.join()}`);
  return promptEmbeddings(model, ids, [{ kind: "picture", ...tiles }]);
}

interface Trace {
  result: DecodeResult;
  steps: DecodeStep[];
  /** The whole row of ids after each step. */
  rows: Int32Array[];
}

function trace(model: Model, prompt: Tensor, options: Partial<DecodeOptions>, noise?: Noise, piece?: HeadPiece): Trace {
  using decoder = new Decoder(model, undefined, piece);
  using decoding = decoder.add(prompt, options, { noise });
  const steps: DecodeStep[] = [];
  const rows: Int32Array[] = [];
  while (decoding.result === undefined) {
    decoder.step();
    steps.push(decoding.step as DecodeStep);
    rows.push(decoding.canvas.ids.slice());
  }
  return { result: decoding.result, steps, rows };
}

/** The uniform draws that a case recorded, in the order in which the reference made them. */
function replayed(tensors: Recorded): Noise | undefined {
  const names = [...tensors.keys()].filter((name) => name.startsWith("draw.")).sort();
  if (names.length === 0) return undefined;
  const next = (kind: string): Tensor => {
    const name = names.shift();
    if (name === undefined || !name.endsWith(`.${kind}`)) throw new Error(`the next draw is ${name}, not ${kind}`);
    return recorded(tensors, name).select(0, 0);
  };
  return { perToken: () => next("rand_like"), perRow: () => next("rand") };
}

const outputsSchema = z.object({
  sequence: z.array(z.number()),
  num_forwards: z.number().optional(),
  prompt_embeds_len: z.number().optional(),
  sequence_without_resize: z.array(z.number()).optional(),
  steps: z.array(z.object({ block: z.number(), step: z.number(), k: z.number() })).optional(),
  text: z.string().optional(),
});

const marginsSchema = z.object({ steps_where_topk_had_to_pick_minus_inf: z.number().default(0) }).optional();

function compareRun(golden: GoldenCase, model: Model, prompt: Tensor): Outcome {
  const outputs = outputsSchema.parse(golden.outputs);
  const tensors = golden.tensors();
  const verdict = new Verdict(golden);
  const options = optionsFrom(model, golden.inputs.params ?? {}, golden.inputs.dllm_cache);
  // The reference forbids rows without a token by cutting the embedding when it loads a model from a folder; runs that
  // were recorded on the bare model may write them.
  const whole = { ...model, vocabulary: model.config.llada.vocabSize };
  const resized = "resize_token_embeddings" in golden.inputs;
  const used = resized ? model : whole;

  if (outputs.prompt_embeds_len !== undefined && prompt.size(0) !== outputs.prompt_embeds_len)
    verdict.fail(`the prompt has ${prompt.size(0)} rows, expected ${outputs.prompt_embeds_len}`);
  const got = trace(used, prompt, { ...options, compat: true }, replayed(tensors));
  verdict.exact("sequence", got.result.tokens, outputs.sequence);
  if (outputs.num_forwards !== undefined) verdict.exact("num_forwards", [got.steps.length], [outputs.num_forwards]);
  if (outputs.steps)
    verdict.exact(
      "k",
      got.steps.map((step) => step.quota),
      outputs.steps.map((step) => step.k),
    );
  if (outputs.text !== undefined && model.tokenizer.decode(got.result.tokens) !== outputs.text)
    verdict.fail("the text differs");
  compareSteps(got, prompt.size(0), tensors, verdict);

  if (outputs.sequence_without_resize) {
    const bare = trace(whole, prompt, { ...options, compat: true });
    verdict.exact("sequence_without_resize", bare.result.tokens, outputs.sequence_without_resize);
  }
  compareDefaultPath(golden, used, prompt, options, outputs.sequence, verdict);
  // The ways of the head go along with the cache, so that no run is repeated for them alone.
  if (options.cache === undefined) {
    const refreshed = { ...options, cache: REFRESHED };
    const cached = trace(used, prompt, { ...refreshed, compat: true }, replayed(tensors), HEAD_PIECE);
    verdict.exact("refreshed in every pass, head in pieces", flatRows(cached), flatRows(got));
    const [usual, alike] = [trace(used, prompt, options), trace(used, prompt, refreshed, undefined, "whole")];
    verdict.exact("default path, refreshed in every pass, head at once", flatRows(alike), flatRows(usual));
  } else {
    const pieces = trace(used, prompt, { ...options, compat: true }, replayed(tensors), HEAD_PIECE);
    verdict.exact("head in pieces", flatRows(pieces), flatRows(got));
  }
  return verdict.outcome();
}

/** Of the 512 tokens that were recorded: two whole pieces and a part of one. */
const HEAD_PIECE = 200;

const REFRESHED: CacheOptions = { kind: "refresh", every: 1, changed: 1, certify: true };

/** All rows of a run, and its answer. */
const flatRows = ({ rows, result }: Trace): number[] => [...rows.flatMap((row) => [...row]), ...result.tokens];

/** The default path draws fewer random numbers, so it is comparable where none are drawn. */
function compareDefaultPath(
  golden: GoldenCase,
  model: Model,
  prompt: Tensor,
  options: Partial<DecodeOptions>,
  expected: number[],
  verdict: Verdict,
): void {
  const margins = marginsSchema.parse(golden.raw.margins);
  const random = (options.temperature ?? 0) > 0 || options.remasking === "random";
  const stopMayMove = (options.stop?.length ?? 0) > 0 && options.revise === true;
  const overflowed = (margins?.steps_where_topk_had_to_pick_minus_inf ?? 0) > 0;
  if (random || stopMayMove || overflowed || (options.stop?.length ?? 0) > 1) return;
  verdict.exact("default path", trace(model, prompt, options).result.tokens, expected);
}

function compareSteps(got: Trace, promptLength: number, tensors: Recorded, verdict: Verdict): void {
  const flat = (name: string, rowOf: (step: DecodeStep, i: number) => ArrayLike<number>): void => {
    const wanted = tensors.get(name);
    if (wanted === undefined) return;
    verdict.exact(
      name,
      got.steps.flatMap((step, i) => Array.from(rowOf(step, i))),
      wanted.data,
    );
  };
  const genLength = got.steps[0]?.tokens.length ?? 0;
  flat("out.x_steps", (_, i) => got.rows[i] ?? []);
  flat("out.x_steps_gen", (step) => step.tokens);
  flat("out.x0_steps", ({ guess }) => guess.tokens);
  flat("out.mask_steps", ({ query }) => query.masked.map(Number));

  const answer = (name: string, positions: (step: DecodeStep) => number[]): void => {
    const wanted = tensors.get(name);
    if (wanted === undefined) return;
    const width = wanted.shape[1] ?? 0;
    for (const [i, step] of got.steps.entries()) {
      const marks = new Array<number>(genLength).fill(0);
      for (const position of positions(step)) marks[position] = 1;
      const start = i * width + promptLength;
      verdict.exact(`${name}[${i}]`, marks, wanted.data.slice(start, start + genLength));
    }
  };
  answer("out.transfer_steps", (step) => step.filled);
  answer("out.revised_steps", (step) => step.rewritten);

  // The reference writes -inf over what may not be filled before the trace is taken.
  const confidences = (name: string, of: (step: DecodeStep) => ArrayLike<number>): void => {
    const wanted = tensors.get(name);
    if (wanted === undefined) return;
    const all = got.steps.flatMap((step) => Array.from(of(step)));
    const kept = Array.from(wanted.data, Number);
    verdict.close(
      name,
      all.map((value, i) => (kept[i] === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : value)),
      kept,
    );
  };
  confidences("out.x0_p_steps", ({ guess }) => guess.confidence);
  confidences("out.x0_p_steps_gen", (step) => step.confidence);
}

const errorRows = z.object({
  rows: z.array(z.object({ params: z.record(z.string(), z.unknown()), error: z.string() })),
});

function compareErrors(golden: GoldenCase, model: Model): Outcome {
  const { rows } = errorRows.parse(golden.outputs);
  const accepted = rows.filter(({ params, error }) => {
    // Stop texts always come with the model's own tokenizer here.
    if (error === "AssertionError" && "stopping_criteria" in params) return false;
    try {
      decodeOptions(optionsFrom(model, params));
      return true;
    } catch (cause) {
      return !(cause instanceof UserError);
    }
  });
  return accepted.length === 0
    ? { status: "passed", deviation: 0 }
    : {
        status: "failed",
        deviation: Number.POSITIVE_INFINITY,
        note: `not refused: ${JSON.stringify(accepted[0]?.params)}`,
      };
}

const tableSchema = z.object({
  num_transfer: z.array(
    z.object({ mask_counts: z.array(z.number()), steps: z.number(), num_transfer: z.array(z.array(z.number())) }),
  ),
});

function compareTables(golden: GoldenCase): Outcome {
  const verdict = new Verdict(golden);
  for (const row of tableSchema.parse(golden.outputs).num_transfer)
    for (const [i, count] of row.mask_counts.entries())
      verdict.exact(
        `num_transfer(${count}, ${row.steps})`,
        transferSchedule(count, row.steps),
        row.num_transfer[i] ?? [],
      );
  const tensors = golden.tensors();
  inferenceMode(() =>
    scope(() => {
      for (const name of tensors.keys()) {
        const temperature = /^in\.noise_T(.+)$/.exec(name)?.[1];
        if (temperature === undefined) continue;
        const noisy = addGumbelNoise(recorded(tensors, "in.logits"), Number(temperature), recorded(tensors, name));
        verdict.tensor(`noisy_T${temperature}`, noisy, tensors.get(`out.noisy_T${temperature}`));
      }
    }),
  );
  return verdict.outcome();
}

const reviseRows = z.object({ rows: z.array(z.looseObject({ revise_topk: z.number() })) });

function compareReviseCounts(golden: GoldenCase): Outcome {
  const verdict = new Verdict(golden);
  for (const row of reviseRows.parse(golden.outputs).rows) {
    const table = Object.entries(row).find(([key]) => key.startsWith("k_for_n_"))?.[1];
    const wanted = z.array(z.number()).parse(table);
    verdict.exact(
      `revise_topk ${row.revise_topk}`,
      wanted.map((_, n) => reviseCount(n, row.revise_topk)),
      wanted,
    );
  }
  return verdict.outcome();
}
