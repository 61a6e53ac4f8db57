import { type DType, Generator, memory, noGrad, randn, scope, setThreads, type Tensor } from "@rediff/torch";
import { beforeAll, describe, expect, test } from "vitest";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import type { TrainingSample } from "../../data/samples/sample.js";
import type { RecordedDraw } from "../../diffusion/random-draws.js";
import { withPlainKernels } from "../../models/kernels.js";
import type { Model } from "../../models/llava/llava.js";
import { folderOfFile } from "../../testing/folders.js";
import { type TinyModelOptions, writeTinyModel } from "../../testing/tiny-model.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { wholeGradient } from "./accumulate.js";
import { evaluateStep, fillGradients, type StepOptions, type StepResult, trainStep } from "./micro-batch.js";
import {
  type Adapter,
  blockTensorName,
  type Parameter,
  type TrainableModel,
  type TunablePart,
  trainable,
} from "./parameters.js";
import { originalTraining, ourTraining } from "./training-rules.js";

// On so little work threads only wait for each other, for minutes where other programs run too.
beforeAll(() => setThreads(1));

const { at } = folderOfFile();

let count = 0;
const load = (options: TinyModelOptions = {}, dtype: DType = "float64"): Promise<Model> =>
  loadModelFolder(writeTinyModel(at(String(count++)), options), { dtype });

const SMALL: TinyModelOptions = { hiddenSize: 32, heads: 4, kvHeads: 2, visionSize: 16 };
const EVERY: readonly TunablePart[] = ["mm_mlp_adapter", "mm_vision_tower", "mm_language_model"];
const I = -200;

function picture(tiles: number, width = 28, height = 28, kind: Visual["kind"] = "picture"): Visual {
  const pixels = new Uint8Array(tiles * 3 * 28 * 28).map((_, i) => (i * 37 + tiles * 11 + (i >> 7)) % 256);
  return { kind, pixels, tiles, tileSize: 28, imageSize: { width, height } };
}

interface SampleOptions {
  /** How many of the last ids have a label. */
  learnt?: number;
  /** Places whose label is another id. */
  wrong?: number[];
}

function sample(ids: number[], visuals: Visual[] = [], { learnt = 6, wrong = [] }: SampleOptions = {}): TrainingSample {
  return {
    ids,
    labels: ids.map((id, i) => (i < ids.length - learnt ? -100 : wrong.includes(i) ? id + 1 : id)),
    revise: ids.map((_, i) => wrong.includes(i)),
    visuals,
    modality: visuals.length === 0 ? "text" : "image",
    source: { file: "test", index: 0 },
  };
}

const words = (n: number, from = 40): number[] => Array.from({ length: n }, (_, i) => from + ((i * 29) % 200));
// A picture of one tile and its view, one of four, two in one sample, a video with more frames than go in at once.
const onePicture = () => sample([I, ...words(12)], [picture(2)]);
const largePicture = () => sample([50, I, ...words(11)], [picture(5, 50, 40)]);
const flawed = () => sample([I, ...words(12, 70)], [picture(2)], { wrong: [9, 10] });
const textOnly = () => sample(words(13, 90));
const several = () => sample([I, 44, I, ...words(9)], [picture(1, 20, 28), picture(1)]);
const video = () => sample([I, ...words(9)], [picture(10, 28, 28, "video")]);

const base: StepOptions = {
  objective: "rediff",
  lossWeighting: "code",
  rules: ourTraining,
  checkpointing: "blocks",
  gradientScale: 1,
  draws: [],
  maxLength: 1000,
  conversationMask: false,
};

/** A step with the draws of a seed. */
function step(tuned: TrainableModel, samples: TrainingSample[], options: Partial<StepOptions> = {}): StepResult {
  using generator = new Generator(11);
  return trainStep(tuned, samples, { ...base, draws: generator, ...options });
}

function evaluate(tuned: TrainableModel, samples: TrainingSample[], options: Partial<StepOptions> = {}): StepResult {
  using generator = new Generator(11);
  return evaluateStep(tuned, samples, { ...base, draws: generator, ...options });
}

const sumOf = (t: Tensor | undefined): number => scope(() => t?.abs().sum().item() ?? 0);

/** In the weight's shape. */
const numbersOf = (parameter: Parameter): number[] | undefined =>
  parameter.gradient && scope(() => wholeGradient(parameter).toNumbers());

const gradientsOf = (parameters: readonly Parameter[]): Map<string, number[] | undefined> =>
  new Map(parameters.map((parameter) => [parameter.name, numbersOf(parameter)]));

/** d loss along a random direction of each parameter: what the step says, and the difference quotient. */
function slopes(
  tuned: TrainableModel,
  samples: TrainingSample[],
  options: Partial<StepOptions>,
): [string, number, number][] {
  step(tuned, samples, options);
  using generator = new Generator(21);
  const h = 1e-5;
  return tuned.parameters.map((parameter) =>
    noGrad(() =>
      scope(() => {
        const { name, weight } = parameter;
        const random = randn(weight.shape, generator, { dtype: "float64" });
        const direction = random.div(random.square().sum().sqrt());
        const said = wholeGradient(parameter).mul(direction).sum().item();
        const lossAt = (offset: number): number => {
          weight.add_(direction, { alpha: offset });
          try {
            return evaluate(tuned, samples, options).loss;
          } finally {
            weight.sub_(direction, { alpha: offset });
          }
        };
        return [name, said, (lossAt(h) - lossAt(-h)) / (2 * h)] as [string, number, number];
      }),
    ),
  );
}

describe("gradients are the slopes of the loss, for every parameter", () => {
  const cases: [string, () => TrainingSample[], Partial<StepOptions>, TinyModelOptions][] = [
    ["ReDiff: ordinary and flawed samples", () => [onePicture(), flawed()], {}, SMALL],
    ["LLaDA-V: a large picture and text only", () => [largePicture(), textOnly()], { objective: "llada_v" }, SMALL],
    ["several pictures, without checkpointing", () => [several()], { checkpointing: "none" }, SMALL],
    ["a video", () => [video()], { objective: "llada_v", lossWeighting: "none" }, SMALL],
    ["padding that is attended to", () => [largePicture(), onePicture()], { rules: originalTraining }, SMALL],
    ["turns that do not see later ones", () => [onePicture(), largePicture()], { conversationMask: true }, SMALL],
    ["a sample cut within its picture", () => [largePicture(), onePicture()], { maxLength: 24 }, SMALL],
  ];
  test.each(cases)("%s", async (_, samples, options, shape) => {
    using model = await load(shape);
    using tuned = trainable(model, EVERY);
    const found = slopes(tuned, samples(), options);
    for (const [name, said, measured] of found)
      expect(Math.abs(said - measured), `${name}: ${said} and ${measured}`).toBeLessThan(
        1e-6 * (1 + Math.abs(measured)),
      );
    // Not all of them are nothing.
    expect(found.filter(([, said]) => Math.abs(said) > 1e-4).length).toBeGreaterThan(10);
  });
});

describe("checkpointing", () => {
  test.each<DType>(["float64", "float32"])("changes no gradient, %s", async (dtype) => {
    using model = await load(SMALL, dtype);
    using tuned = trainable(model, EVERY);
    const samples = [largePicture(), flawed(), textOnly()];
    const run = (checkpointing: StepOptions["checkpointing"]) => {
      using _ = trainable(model, EVERY); // another set of gradients is not touched
      const { loss } = step(tuned, samples, { checkpointing });
      const found = gradientsOf(tuned.parameters);
      tuned[Symbol.dispose]();
      return { loss, found };
    };
    const [kept, again] = [run("none"), run("blocks")];
    expect(again).toEqual(kept);
    expect([...again.found.values()].every((gradient) => gradient !== undefined)).toBe(true);
  });
});

describe("a batch", () => {
  /** The draws of one sample of a batch, cut to its own length. */
  function drawsOf(log: readonly RecordedDraw[], s: number, length: number): RecordedDraw[] {
    return log.map(({ kind, shape, values }) => {
      const [, width] = shape;
      if (width === undefined) return { kind, shape: [1], values: [values[s] as number] };
      return { kind, shape: [1, length], values: Array.from(values).slice(s * width, s * width + length) as number[] };
    });
  }

  test.each<[string, boolean, Partial<StepOptions>]>([
    ["is the mean of its samples alone", false, {}],
    ["is that, with turns that do not see later ones", false, { conversationMask: true }],
    ["is not, under the original's rules", true, { rules: originalTraining }],
  ])("of samples with unequal pictures %s", async (_, isOriginal, options) => {
    using model = await load(SMALL);
    using tuned = trainable(model, EVERY);
    // Equally many tokens, so that no end-of-text padding comes in.
    const samples = [onePicture(), largePicture(), { ...textOnly() }];
    const log: RecordedDraw[] = [];
    const whole = step(tuned, samples, { log, ...options });
    const together = gradientsOf(tuned.parameters);
    tuned[Symbol.dispose]();
    let loss = 0;
    for (const [s, one] of samples.entries()) {
      const { tokens } = evaluate(tuned, [one]);
      const own = { ...options, rules: ourTraining, draws: drawsOf(log, s, tokens), gradientScale: 1 / 3 };
      const alone = step(tuned, [one], own);
      loss += alone.loss / 3;
      if (!isOriginal)
        expect(Object.values(whole.samples[s] ?? {})).toEqual(
          Object.values(alone.terms).map((x) => expect.closeTo(x, 9)),
        );
    }
    if (isOriginal) {
      expect(Math.abs(whole.loss - loss)).toBeGreaterThan(1e-4);
      return;
    }
    expect(whole.loss).toBeCloseTo(loss, 10);
    for (const [name, gradient] of gradientsOf(tuned.parameters))
      for (const [i, value] of (gradient ?? []).entries())
        expect(Math.abs(value - (together.get(name)?.[i] ?? 0)), name).toBeLessThan(1e-9);
  });

  test("gives terms that add up to its loss, rows and tokens", async () => {
    using model = await load(SMALL);
    using tuned = trainable(model, EVERY);
    const result = step(tuned, [onePicture(), flawed()]);
    expect(Object.values(result.terms).reduce((a, b) => a + b, 0)).toBeCloseTo(result.loss, 12);
    expect(Object.values(result.counts).reduce((a, b) => a + b, 0)).toBe(result.rows);
    expect(result.counts.revised).toBe(2);
    expect(result.samples.map((terms) => Object.keys(terms).includes("revised"))).toEqual([false, true]);
    expect(result.tokens).toBe(2 * (12 + 4 + 6)); // a view of 2 x 2 patches, and a tile of 2 rows with their newline
  });

  test("replays what was drawn", async () => {
    using model = await load(SMALL);
    using tuned = trainable(model, EVERY);
    const log: RecordedDraw[] = [];
    const first = step(tuned, [onePicture(), textOnly()], { log });
    expect(log).toHaveLength(4);
    expect(evaluate(tuned, [onePicture(), textOnly()], { draws: log })).toEqual(first);
    expect(step(tuned, [onePicture(), textOnly()], { draws: log })).toEqual(first);
    expect(evaluate(tuned, [onePicture(), textOnly()]).loss).toBe(first.loss);
  });

  test("of which nothing is masked costs nothing and changes nothing", async () => {
    using model = await load(SMALL);
    using tuned = trainable(model, EVERY);
    const silent = sample([I, ...words(5)], [picture(2)], { learnt: 0 });
    expect(step(tuned, [silent])).toMatchObject({ loss: 0, rows: 0, terms: {} });
    expect(tuned.parameters.every(({ gradient }) => gradient === undefined)).toBe(true);
    fillGradients(tuned.parameters);
    expect(tuned.parameters.every(({ gradient }) => sumOf(gradient) === 0)).toBe(true);
  });

  test("with pictures for a text-only model is an error", async () => {
    using model = await load({ ...SMALL, textOnly: true });
    using tuned = trainable(model, ["mm_language_model"]);
    expect(() => step(tuned, [onePicture()])).toThrow("text-only LLaDA");
    expect(step(tuned, [textOnly()]).loss).toBeGreaterThan(0);
  });
});

describe("what is trained", () => {
  test.each<[TunablePart[], RegExp]>([
    [["mm_mlp_adapter"], /mm_projector/],
    [["mm_vision_tower"], /vision_tower/],
    [["mm_language_model"], /^(?!.*(vision_tower|mm_projector))/],
  ])("%j alone gets the gradients that it gets with everything", async (parts, pattern) => {
    using model = await load(SMALL);
    using all = trainable(model, EVERY);
    using some = trainable(model, parts);
    const samples = [onePicture(), textOnly()];
    const [whole, part] = [step(all, samples), step(some, samples)];
    expect(part).toEqual(whole);
    const wanted = [...gradientsOf(all.parameters)].filter(([name]) => pattern.test(name));
    expect(gradientsOf(some.parameters)).toEqual(new Map(wanted));
    expect(wanted.every(([, gradient]) => gradient?.some((x) => x !== 0))).toBe(true);
  });

  test("the padding token's row never learns as an input, where the config names it", async () => {
    const gradientOf = async (config: Record<string, unknown>) => {
      using model = await load({ ...SMALL, config });
      using tuned = trainable(model, ["mm_language_model"]);
      const { pad } = model.tokenizer.special;
      // The shorter sample ends in padding, which nobody masks with these draws.
      step(tuned, [textOnly(), sample(words(8))], { objective: "llada_v" });
      const table = tuned.parameters.find(({ name }) => name.includes("embed_tokens")) as Parameter;
      expect(table.gradientRows?.length).toBeGreaterThan(10);
      return scope(() => wholeGradient(table).select(0, pad).abs().sum().item());
    };
    expect(await gradientOf({ pad_token_id: 401 })).toBe(0);
    expect(await gradientOf({ pad_token_id: undefined })).toBeGreaterThan(0);
  });

  test("low-rank pairs in place of weights: only they learn, and the loss sees them", async () => {
    using model = await load(SMALL);
    using generator = new Generator(5);
    const parameter = (name: string, shape: number[]): Parameter => ({
      name,
      weight: randn(shape, generator, { dtype: "float64" }),
      part: "language",
      decays: true,
      gradient: undefined,
    });
    const adapters = new Map<string, Adapter>(
      (["query", "down"] as const).map((key) => {
        const [outputs = 0, inputs = 0] = model.llada.weights.blocks[0]?.[key].shape ?? [];
        const pair = { down: parameter(`${key}.a`, [3, inputs]), up: parameter(`${key}.b`, [outputs, 3]), scale: 0.1 };
        return [blockTensorName(0, key), pair];
      }),
    );
    const parameters = [...adapters.values()].flatMap(({ down, up }) => [down, up]);
    using plain = trainable(model, EVERY);
    const tuned: TrainableModel = { model, parameters, adapters, [Symbol.dispose]() {} };
    expect(evaluate(tuned, [onePicture()]).loss).not.toBe(evaluate(plain, [onePicture()]).loss);
    for (const [name, said, measured] of slopes(tuned, [onePicture()], {}))
      expect(Math.abs(said - measured), name).toBeLessThan(1e-6 * (1 + Math.abs(measured)));
    for (const { weight, gradient } of parameters) for (const t of [weight, gradient]) t?.dispose();
  });

  test("gradients add up over micro-batches, scaled", async () => {
    using model = await load(SMALL);
    using tuned = trainable(model, ["mm_mlp_adapter"]);
    const sums = () => tuned.parameters.map(({ gradient }) => sumOf(gradient));
    step(tuned, [onePicture()]);
    const once = sums();
    step(tuned, [onePicture()], { gradientScale: 0.5 });
    for (const [i, sum] of sums().entries()) expect(sum).toBeCloseTo(1.5 * (once[i] as number), 10);
  });
});

describe("numbers", () => {
  test("bfloat16: float32 gradients near those of float32", async () => {
    using wide = await load(SMALL, "float32");
    using narrow = await loadModelFolder(wide.folder, { dtype: "bfloat16" });
    const samples = () => [onePicture(), flawed(), textOnly()];
    using a = trainable(wide, EVERY);
    using b = trainable(narrow, EVERY);
    const [exact, rough] = [step(a, samples()), step(b, samples())];
    expect(Math.abs(rough.loss / exact.loss - 1)).toBeLessThan(0.05);
    const flat = (parameters: readonly Parameter[]) => parameters.flatMap((parameter) => numbersOf(parameter) ?? []);
    const [x, y] = [flat(a.parameters), flat(b.parameters)];
    expect(b.parameters.every(({ gradient }) => gradient?.dtype === "float32")).toBe(true);
    const dot = (p: number[], q: number[]) => p.reduce((sum, value, i) => sum + value * (q[i] as number), 0);
    expect(dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y))).toBeGreaterThan(0.95);
  });

  test("the fast kernels give the plain ones' gradients", async () => {
    // Large enough for them to be used.
    using model = await load(
      { textOnly: true, hiddenSize: 192, heads: 2, layers: 2, intermediateSize: 512 },
      "float32",
    );
    using tuned = trainable(model, ["mm_language_model"]);
    const samples = [sample(words(150), [], { learnt: 140 })];
    const run = () => {
      const { loss } = step(tuned, samples);
      const found = tuned.parameters.map((parameter) => ({
        name: parameter.name,
        values: numbersOf(parameter) ?? [],
      }));
      tuned[Symbol.dispose]();
      return { loss, found };
    };
    const [fast, plain] = [run(), withPlainKernels(run)];
    expect(fast.loss).toBeCloseTo(plain.loss, 3);
    for (const [i, { name, values }] of fast.found.entries()) {
      const wanted = plain.found[i]?.values ?? [];
      const size = Math.sqrt(wanted.reduce((sum, x) => sum + x * x, 0));
      const off = Math.sqrt(values.reduce((sum, x, j) => sum + (x - (wanted[j] as number)) ** 2, 0));
      expect(off, name).toBeLessThan(1e-4 * size);
    }
  });
});

test.each<StepOptions["checkpointing"]>(["blocks", "none"])(
  "live tensors and bytes are flat over 200 steps, %s",
  async (checkpointing) => {
    using model = await load({ hiddenSize: 16, heads: 2, visionSize: 8, intermediateSize: 16 }, "float32");
    const before = memory();
    {
      using tuned = trainable(model, EVERY);
      const samples = [onePicture(), flawed(), textOnly(), video()];
      const run = (batch: TrainingSample[]) => {
        step(tuned, batch, { checkpointing });
        const held = memory();
        tuned[Symbol.dispose]();
        expect(memory()).toEqual(before);
        return held;
      };
      const first = run(samples);
      for (let i = 0; i < 200; i++) {
        run(samples.slice(i % 3));
        if (i % 50 === 0) evaluate(tuned, samples);
      }
      expect(run(samples)).toEqual(first);
    }
    expect(memory()).toEqual(before);
  },
  60_000,
);
