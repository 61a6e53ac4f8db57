/** Golden groups train_loss and train_steps: losses and gradients of a batch, and ten optimizer steps, under the
 *  original's rules and with its recorded draws.
 *
 *  Logits and input embeddings are not compared here: losses and gradients depend on all of them, and the groups
 *  features and llm_forward judge them alone. */
import { optim, scope, type Tensor } from "@rediff/torch";
import { z } from "zod";
import { loadModelFolder } from "../../../checkpoint/load-model.js";
import { parseRecord } from "../../../data/records/parse-record.js";
import { buildSample } from "../../../data/samples/build-sample.js";
import type { TrainingSample } from "../../../data/samples/sample.js";
import { corrupt, PositionRole, replacementLimit } from "../../../diffusion/corruption.js";
import { drawsFrom, type RecordedDraw } from "../../../diffusion/random-draws.js";
import { allPieces } from "../../../models/chain.js";
import { idTensor } from "../../../models/ids.js";
import type { Model } from "../../../models/llava/llava.js";
import type { Ranks } from "../../../ranks/ranks.js";
import { wholeGradient } from "../../../training/backward/accumulate.js";
import { expandBatch } from "../../../training/backward/expand-batch.js";
import {
  type StepOptions,
  type StepResult,
  type Terms,
  trainPieces,
  trainStep,
} from "../../../training/backward/micro-batch.js";
import { type Parameter, trainable } from "../../../training/backward/parameters.js";
import { originalTraining } from "../../../training/backward/training-rules.js";
import { parameterGroups } from "../../../training/optimizer/parameter-groups.js";
import type { RecipeKeys } from "../../../training/recipe/recipe.js";
import { exchangeOf } from "../../../training/sharding/exchange-of.js";
import { visualRows } from "../../../vision/tiles/token-layout.js";
import { valuesOnRanks } from "../../ranks-here.js";
import { computing, type GoldenCase, type GoldenTensor, type Outcome } from "../golden-case.js";
import { Verdict } from "./recorded-tensors.js";
import { goldenContext } from "./training-data-judge.js";

type Recorded = Map<string, GoldenTensor>;

export async function run(golden: GoldenCase): Promise<Outcome> {
  return golden.group === "train_steps" ? compareSteps(golden) : compareLoss(golden);
}

const batchSchema = z.object({
  records: z.array(z.unknown()),
  image_folder: z.string().default("images"),
  revise: z.boolean(),
  use_conversation_mask: z.boolean().default(false),
  tokenizer_model_max_length: z.number().optional(),
  template: z.enum(["llava_llada", "llada_plain"]).default("llava_llada"),
});

/** A model of its own for every case: steps change it. */
interface Batch {
  model: Model;
  samples: TrainingSample[];
  options: Omit<StepOptions, "draws">;
}

async function prepare(golden: GoldenCase): Promise<Batch> {
  const inputs = batchSchema.parse(golden.inputs);
  // "images (of this split)"
  const { tokenizer, settings } = await goldenContext(golden, inputs.image_folder.split(" ")[0]);
  // Videos, where there are any, lie with the pictures.
  const folder = settings.media?.imageFolder;
  const media = settings.media && { ...settings.media, ...(folder !== undefined && { videoFolder: folder }) };
  const maxLength = inputs.tokenizer_model_max_length ?? settings.maxLength;
  const samples: TrainingSample[] = [];
  for (const [index, record] of inputs.records.entries()) {
    const context = {
      tokenizer,
      settings: { ...settings, ...(media && { media }), maxLength, template: inputs.template },
    };
    samples.push(await buildSample(parseRecord(record, { file: golden.id, index }), context));
  }
  return {
    model: await loadModelFolder(golden.checkpoint, { device: computing.device, dtype: "float32" }),
    samples,
    options: {
      objective: inputs.revise ? "rediff" : "llada_v",
      lossWeighting: "code",
      rules: originalTraining,
      checkpointing: "blocks",
      gradientScale: 1,
      maxLength,
      // The plain template has no turns.
      conversationMask: inputs.use_conversation_mask && inputs.template !== "llada_plain",
    },
  };
}

const everyPart = ["mm_mlp_adapter", "mm_vision_tower", "mm_language_model"] as const;

/** draw.00.rand, draw.01.rand, ... in this order */
function recordedDraws(tensors: Recorded, prefix: string): RecordedDraw[] {
  return [...tensors]
    .filter(([name]) => name.startsWith(prefix))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { shape, data }]) => ({
      kind: name.endsWith("randint") ? "randint" : "rand",
      shape,
      values: data,
    }));
}

const lossTolerances = z.object({
  loss_rtol: z.number(),
  grad_norm_rtol: z.number(),
  grad_atol: z.number(),
  grad_rtol: z.number(),
});

const lossOutputs = z.object({
  loss: z.number(),
  terms: z.array(
    z.object({
      kind: z.enum(["plain", "stage1", "stage2"]),
      sample: z.number().optional(),
      mask_loss: z.number().optional(),
      revise_loss: z.number().optional(),
      others_loss: z.number().optional(),
    }),
  ),
  grads_that_are_rounding_noise: z.array(z.string()),
  grad_norms: z.record(z.string(), z.number().nullable()),
  total_grad_norm: z.number(),
});

async function compareLoss(golden: GoldenCase): Promise<Outcome> {
  const wanted = lossOutputs.parse(golden.outputs);
  const { loss_rtol, grad_norm_rtol, grad_atol, grad_rtol } = lossTolerances.parse(golden.tolerance);
  const tensors = golden.tensors();
  const verdict = new Verdict({ tolerance: { atol: grad_atol, rtol: grad_rtol } });
  const batch = await prepare(golden);
  using model = batch.model;
  using tuned = trainable(model, everyPart);
  const draws = recordedDraws(tensors, "draw.");

  compareRows(batch, draws, tensors, verdict);
  const result = trainStep(tuned, batch.samples, { ...batch.options, draws });
  const close = { atol: 0, rtol: loss_rtol };
  verdict.close("loss", [result.loss], [wanted.loss], close);
  compareTerms(result, wanted.terms, verdict, close);

  const noise = new Set(wanted.grads_that_are_rounding_noise);
  const norm = { atol: grad_atol, rtol: grad_norm_rtol };
  for (const parameter of tuned.parameters) {
    const expected = wanted.grad_norms[parameter.name];
    if (expected === undefined) verdict.fail(`the case has no gradient of ${parameter.name}`);
    else if (!noise.has(parameter.name))
      verdict.close(`|d ${parameter.name}|`, [optim.gradientNorm([parameter])], [expected ?? 0], norm);
  }
  const ours = new Set(tuned.parameters.map(({ name }) => name));
  for (const [name, value] of Object.entries(wanted.grad_norms))
    if (!ours.has(name) && value !== null) verdict.fail(`there is no parameter ${name}`);
  verdict.close("total_grad_norm", [optim.gradientNorm(tuned.parameters)], [wanted.total_grad_norm], norm);
  compareGradients(tuned.parameters, tensors, noise, verdict);
  return verdict.outcome();
}

/** Labels after the pictures came in, and what became of each position. */
function compareRows(
  { model, samples, options }: Batch,
  draws: RecordedDraw[],
  tensors: Recorded,
  verdict: Verdict,
): void {
  const geometry = model.vision?.geometry;
  const tokens = samples.flatMap(({ visuals }) =>
    visuals.map((visual) => (geometry === undefined ? 0 : visualRows(visual, geometry))),
  );
  const { mask, pad, bos } = model.tokenizer.special;
  const rows = expandBatch(samples, tokens, { maxLength: options.maxLength, pad, align: originalTraining.align });
  const labels = tensors.get("out.assembled_labels");
  if (labels !== undefined)
    verdict.exact(
      "assembled_labels",
      rows.samples.flatMap((sample) => sample.labels),
      labels.data,
    );
  const corrupted = corrupt(rows.samples, drawsFrom(draws), {
    objective: options.objective,
    maskId: mask,
    maskLike: new Set([mask]),
    replacementLimit: replacementLimit(model.config.llada.vocabSize, bos),
    rules: originalTraining.corruption,
  });
  const roles = {
    mask: PositionRole.masked,
    corrupt: PositionRole.corrupted,
    others: PositionRole.clean,
    span: PositionRole.revised,
  };
  // Without revision there is one trace for the whole batch.
  const traced =
    options.objective === "rediff"
      ? corrupted.map(({ roles }) => [...roles])
      : [corrupted.flatMap(({ roles }) => [...roles])];
  for (const [s, row] of traced.entries())
    for (const [name, role] of Object.entries(roles)) {
      const trace = tensors.get(`out.trace${s}.${name}`);
      if (trace !== undefined)
        verdict.exact(
          `trace${s}.${name}`,
          row.map((found) => Number(found === role)),
          trace.data,
        );
    }
  const probabilities = tensors.get("out.trace0.p_mask");
  if (probabilities !== undefined)
    verdict.exact(
      "p_mask",
      corrupted.map(({ probability }) => probability),
      probabilities.data,
    );
}

function compareTerms(
  result: StepResult,
  wanted: z.infer<typeof lossOutputs>["terms"],
  verdict: Verdict,
  tolerance: { atol: number; rtol: number },
): void {
  for (const { kind, sample, mask_loss, revise_loss, others_loss } of wanted) {
    if (kind === "plain") continue;
    const found: Terms = result.samples[sample ?? -1] ?? {};
    const compare = (name: keyof Terms, value = 0) =>
      verdict.close(`${name} loss of sample ${sample}`, [found[name] ?? 0], [value], tolerance);
    if (kind === "stage2") compare("revised", revise_loss);
    else {
      compare("masked", mask_loss);
      compare("corrupted", revise_loss);
      compare("clean", others_loss);
    }
  }
}

/** grad.NAME, and grad.embed_rows_WORD480_WORD471: rows of the embedding */
function compareGradients(
  parameters: readonly Parameter[],
  tensors: Recorded,
  noise: ReadonlySet<string>,
  verdict: Verdict,
): void {
  for (const [key, wanted] of tensors) {
    if (!key.startsWith("grad.")) continue;
    const name = key.slice("grad.".length);
    if (noise.has(name)) continue;
    scope(() => {
      const found = tensorOf(parameters, name, wholeGradient);
      if (found === undefined) verdict.fail(`there is no parameter ${name}`);
      else verdict.tensor(name, found, wanted);
    });
  }
}

/** A parameter's tensor by name, or rows of the embedding's. */
function tensorOf(
  parameters: readonly Parameter[],
  name: string,
  get: (parameter: Parameter) => Tensor,
): Tensor | undefined {
  const rows = /^embed_rows_/.test(name) ? [...name.matchAll(/\d+/g)].map(([id]) => Number(id)) : undefined;
  const wanted = rows === undefined ? name : "model.embed_tokens.weight";
  const parameter = parameters.find((candidate) => candidate.name === wanted);
  if (parameter === undefined) return undefined;
  return rows === undefined ? get(parameter) : get(parameter).indexSelect(0, idTensor(rows, parameter.weight.device));
}

const stepsInputs = z.object({
  steps: z.int(),
  training_args: z.object({
    learning_rate: z.number(),
    weight_decay: z.number(),
    mm_vision_tower_lr: z.number().optional(),
    mm_projector_lr: z.number().optional(),
  }),
  warmup_steps: z.int(),
  max_grad_norm: z.number(),
  adam: z.object({ beta1: z.number(), beta2: z.number(), eps: z.number() }),
  param_groups: z.array(z.object({ names: z.array(z.string()), weight_decay: z.number(), lr: z.number() })),
});

const stepsOutputs = z.object({
  log: z.array(z.object({ loss: z.number(), grad_norm_before_clip: z.number(), lr: z.array(z.number()) })),
  final_checksums: z.record(z.string(), z.object({ l2: z.number() })),
  delta_l2: z.record(z.string(), z.number()),
  skip_params: z.array(z.string()),
});

const stepsTolerances = z.object({ loss_rtol: z.number(), final_param_delta_rel: z.number() });

/** Alone, or (`--ranks`) on several ranks, each of which has the whole batch at a part of its weight: the first failure. */
async function compareSteps(golden: GoldenCase): Promise<Outcome> {
  const { ranks, sharding } = computing;
  if (ranks === 1) return await takeSteps(golden, undefined);
  const outcomes = await valuesOnRanks(ranks, (own) => takeSteps(golden, { own, sharding }));
  return outcomes.find(({ status }) => status !== "passed") ?? (outcomes[0] as Outcome);
}

async function takeSteps(
  golden: GoldenCase,
  together: { own: Ranks; sharding: RecipeKeys["sharding"] } | undefined,
): Promise<Outcome> {
  const inputs = stepsInputs.parse(golden.inputs);
  const wanted = stepsOutputs.parse(golden.outputs);
  const tolerance = stepsTolerances.parse(golden.tolerance);
  const tensors = golden.tensors();
  const verdict = new Verdict({ tolerance: { atol: 0, rtol: tolerance.loss_rtol } });
  const { model: loaded, samples, options } = await prepare(golden);
  using model = loaded;
  using tuned = trainable(model, everyPart);
  const before = new Map(tuned.parameters.map(({ name, weight }) => [name, weight.toNumbers()]));
  const recipe = { sharding: together?.sharding ?? "none", checkpointing: options.checkpointing };
  using exchange = exchangeOf(recipe, tuned, together?.own);
  const { lockstep } = exchange;
  const gradientScale = 1 / (together?.own.size ?? 1);
  const pictures = samples.some(({ visuals }) => visuals.length > 0);

  const { learning_rate: base, weight_decay: weightDecay, ...own } = inputs.training_args;
  const learningRates = {
    language: base,
    projector: own.mm_projector_lr ?? base,
    vision: own.mm_vision_tower_lr ?? base,
  };
  const groups = parameterGroups(exchange.own, { learningRates, weightDecay });
  compareGroups(groups, inputs.param_groups, verdict);
  const { beta1, beta2, eps } = inputs.adam;
  using optimizer = new optim.AdamW(groups, { betas: [beta1, beta2], eps });
  const schedule = { schedule: "cosine", totalSteps: inputs.steps, warmupSteps: inputs.warmup_steps } as const;

  for (const [step, expected] of wanted.log.entries()) {
    const draws = recordedDraws(tensors, `draw.s${String(step).padStart(2, "0")}.`);
    const work = trainPieces(tuned, samples, { ...options, gradientScale, draws });
    const [result] = lockstep ? await lockstep.run([work], { pictures, back: true }) : [allPieces(work)];
    verdict.close(`loss of step ${step}`, [result?.loss ?? Number.NaN], [expected.loss]);
    await exchange.sumGradients();
    optim.clipBy(exchange.own, await exchange.norm(optim.gradientNorm(exchange.own)), inputs.max_grad_norm);
    const factor = optim.learningRateFactor(step, schedule);
    verdict.close(`learning rate of step ${step}`, [base * factor], [expected.lr[0] ?? Number.NaN], {
      atol: 1e-12,
      rtol: 0,
    });
    optimizer.step(factor);
    await exchange.spreadWeights();
    optim.dropGradients(tuned.parameters);
    optim.dropGradients(exchange.own);
  }
  const compare = () =>
    compareFinal(tuned.parameters, before, wanted, tolerance.final_param_delta_rel, tensors, verdict);
  if (lockstep) await lockstep.whole(compare);
  else compare();
  return verdict.outcome();
}

/** Who has which learning rate and weight decay, whatever the groups. post_layernorm never moves: it is in none. */
function compareGroups(
  groups: ReturnType<typeof parameterGroups>,
  wanted: z.infer<typeof stepsInputs>["param_groups"],
  verdict: Verdict,
): void {
  const found = new Map(groups.flatMap((g) => g.parameters.map((p) => [p.name, [g.learningRate, g.weightDecay]])));
  for (const { names, lr, weight_decay } of wanted)
    for (const name of names)
      if (!name.includes("post_layernorm"))
        verdict.exact(`learning rate and decay of ${name}`, found.get(name) ?? [], [lr, weight_decay]);
}

function compareFinal(
  parameters: readonly Parameter[],
  before: ReadonlyMap<string, number[]>,
  wanted: z.infer<typeof stepsOutputs>,
  relative: number,
  tensors: Recorded,
  verdict: Verdict,
): void {
  const skipped = new Set(wanted.skip_params);
  const distance = (a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number =>
    Math.sqrt(Array.from(a, (x, i) => (Number(x) - Number(b[i])) ** 2).reduce((sum, d) => sum + d, 0));
  for (const parameter of parameters) {
    const { name, weight } = parameter;
    if (skipped.has(name)) continue;
    const moved = distance(weight.toNumbers(), before.get(name) ?? []);
    verdict.close(`how far ${name} moved`, [moved], [wanted.delta_l2[name] ?? Number.NaN], {
      atol: 1e-7,
      rtol: relative,
    });
  }
  for (const [key, { data }] of tensors) {
    if (!key.startsWith("final.") || key.includes("post_layernorm")) continue;
    const name = key.slice("final.".length);
    scope(() => {
      const found = tensorOf(parameters, name, ({ weight }) => weight);
      if (found === undefined || skipped.has(name)) return;
      // Relative to how far the whole parameter moved, as the tolerance is meant.
      const whole = wanted.delta_l2[/^embed_rows_/.test(name) ? "model.embed_tokens.weight" : name] ?? 0;
      const off = distance(found.toNumbers(), data);
      verdict.close(`final ${name}`, [off], [0], { atol: relative * whole, rtol: 0 });
    });
  }
}
