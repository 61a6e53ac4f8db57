/** The transformer against one written in plain loops, on tiny shapes. */
import {
  backward,
  type DType,
  Generator,
  inferenceMode,
  memory,
  noGrad,
  randn,
  scope,
  type Tensor,
  tensor,
} from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { runChain } from "../chain.js";
import { idTensor } from "../ids.js";
import { rmsNorm, withPlainKernels } from "../kernels.js";
import type { Positions } from "./attend.js";
import { type BlockWeights, embed, hiddenStates, type Llada, lladaStages, logits } from "./llada.js";
import type { LladaConfig } from "./llada-config.js";
import { Rotary } from "./rotary.js";
import { additiveMask, conversationVisibility } from "./visibility.js";

const V = 11;
const D = 24;
const F = 20;
const H = 6;

function tinyConfig(kvHeads = 4): LladaConfig {
  return {
    vocabSize: V,
    hiddenSize: D,
    intermediateSize: F,
    layers: 3,
    heads: 4,
    kvHeads,
    headDim: H,
    rmsNormEps: 1e-5,
    ropeTheta: 50,
    ropeScaling: undefined,
    maxPositions: 64,
  };
}

function tinyLlada(dtype: DType = "float64", kvHeads = 4): Llada<Tensor> {
  const config = tinyConfig(kvHeads);
  using generator = new Generator(3);
  const random = (...shape: number[]) =>
    scope(() =>
      randn(shape, generator, { dtype: "float64" })
        .mul(shape.length === 1 ? 0.3 : 1.5 / Math.sqrt(shape[1] as number))
        .to({ dtype }),
    );
  const norm = () => scope(() => random(D).add(1));
  const blocks = Array.from(
    { length: config.layers },
    (): BlockWeights => ({
      inputNorm: norm(),
      query: random(D, D),
      key: random(kvHeads * H, D),
      value: random(kvHeads * H, D),
      output: random(D, D),
      postAttentionNorm: norm(),
      gate: random(F, D),
      up: random(F, D),
      down: random(D, F),
    }),
  );
  return { config, weights: { embedTokens: random(V, D), blocks, norm: norm(), head: random(V, D) } };
}

function randomRows(length: number, dtype: DType = "float64", seed = 9): Tensor {
  using generator = new Generator(seed);
  return scope(() => randn([1, length, D], generator, { dtype: "float64" }).to({ dtype }));
}

// ---- the same in plain loops ----

type Matrix = number[][];
const counting = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const dot = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
const matrix = (t: Tensor): Matrix => t.unbind(0).map((row) => row.toNumbers());
const apply = (rows: Matrix, weight: Tensor): Matrix => {
  const w = matrix(weight);
  return rows.map((row) => w.map((column) => dot(row, column)));
};
const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((x, j) => x + (b[i]?.[j] as number)));
const norm = (rows: Matrix, weight: Tensor): Matrix => {
  const w = weight.toNumbers();
  return rows.map((row) => {
    const scale = 1 / Math.sqrt(dot(row, row) / row.length + 1e-5);
    return row.map((x, i) => x * scale * (w[i] as number));
  });
};
const silu = (x: number): number => x / (1 + Math.exp(-x));

function turn(row: number[], position: number): number[] {
  return row.map((x, at) => {
    const j = at % H;
    const angle = position * 50 ** (-(2 * (j % (H / 2))) / H);
    const partner = j < H / 2 ? -(row[at + H / 2] as number) : (row[at - H / 2] as number);
    return x * Math.cos(angle) + partner * Math.sin(angle);
  });
}

/** `bias(i, j)` is added to the score of query i and key j. */
function plainAttention(
  w: BlockWeights,
  x: Matrix,
  kvHeads: number,
  positions: number[],
  bias: (i: number, j: number) => number,
): Matrix {
  const q = apply(x, w.query).map((row, i) => turn(row, positions[i] as number));
  const k = apply(x, w.key).map((row, i) => turn(row, positions[i] as number));
  const v = apply(x, w.value);
  const mixed = x.map((_, i) =>
    counting(4).flatMap((head) => {
      const shared = Math.floor(head / (4 / kvHeads));
      const part = (row: number[], h: number) => row.slice(h * H, (h + 1) * H);
      const scores = x.map(
        (_, j) => dot(part(q[i] as number[], head), part(k[j] as number[], shared)) / Math.sqrt(H) + bias(i, j),
      );
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((a, b) => a + b, 0);
      return counting(H).map((c) =>
        weights.reduce((sum, weight, j) => sum + (weight / total) * (v[j]?.[shared * H + c] as number), 0),
      );
    }),
  );
  return apply(mixed, w.output);
}

function plainHidden(
  model: Llada<Tensor>,
  embeds: Tensor,
  positions = counting(embeds.size(1)),
  bias: (i: number, j: number) => number = () => 0,
): Matrix[] {
  let x = matrix(embeds.select(0, 0));
  const states = [x];
  for (const w of model.weights.blocks) {
    x = plus(x, plainAttention(w, norm(x, w.inputNorm), model.config.kvHeads, positions, bias));
    const h = norm(x, w.postAttentionNorm);
    const [gate, up] = [apply(h, w.gate), apply(h, w.up)];
    x = plus(
      x,
      apply(
        gate.map((row, i) => row.map((g, j) => silu(g) * (up[i]?.[j] as number))),
        w.down,
      ),
    );
    states.push(x);
  }
  return [...states.slice(0, -1), norm(x, model.weights.norm)];
}

// ---- comparison ----

function worst(got: Tensor, wanted: number[]): number {
  const numbers = got.toNumbers();
  expect(numbers).toHaveLength(wanted.length);
  return Math.max(...numbers.map((x, i) => Math.abs(x - (wanted[i] as number))));
}

interface Pass {
  positions?: number[];
  segments?: number[];
  mask?: Tensor;
  asked?: Positions;
}

function forward(
  model: Llada,
  embeds: Tensor,
  pass: Pass = {},
  onInput?: (layer: number, hidden: Tensor) => void,
): Tensor {
  const { segments, mask, asked, positions = segments?.flatMap(counting) ?? counting(embeds.size(1)) } = pass;
  return scope(() => {
    const rotary = new Rotary(model.config).tables([positions], embeds.dtype, "cpu");
    const stages = lladaStages(model, { rotary, visible: { segments, mask }, asked });
    return runChain(stages, embeds, onInput);
  });
}

/** Float64 throughout; the rotary tables are float32, whose rounding is all that may differ. */
const CLOSE = 2e-6;

describe("the norm", () => {
  test("divides by the root of the mean square, then weighs", () => {
    const rows = randomRows(4);
    const weight = scope(() => randomRows(1, "float64", 5).reshape([D]));
    expect(worst(rmsNorm(rows, weight, 1e-5), norm(matrix(rows.select(0, 0)), weight).flat())).toBeLessThan(1e-12);
  });

  test("of bfloat16 is computed in float32, rounded, then weighed in bfloat16", () => {
    const rows = randomRows(3, "bfloat16");
    const weight = scope(() => randomRows(1, "bfloat16", 5).reshape([D]));
    const inner = rmsNorm(rows.to({ dtype: "float32" }), tensor(new Array(D).fill(1)), 1e-5).to({ dtype: "bfloat16" });
    expect(rmsNorm(rows, weight, 1e-5).toNumbers()).toEqual(inner.mul(weight).toNumbers());
  });
});

describe.each([
  ["as many key heads as query heads", 4],
  ["grouped queries", 2],
  ["one key head for all", 1],
])("%s", (_, kvHeads) => {
  const model = tinyLlada("float64", kvHeads);

  test("every hidden state equals that of plain loops; recording or not, plain kernels or not", () => {
    const embeds = randomRows(7);
    const wanted = plainHidden(model, embeds);
    const seen = (run: (body: () => void) => void): void => {
      const layers: number[] = [];
      const compare = (layer: number, hidden: Tensor) => {
        layers.push(layer);
        expect([layer, worst(hidden, (wanted[layer] as Matrix).flat())]).toEqual([
          layer,
          expect.toSatisfy((d: number) => d < CLOSE),
        ]);
      };
      run(() => compare(wanted.length - 1, forward(model, embeds, {}, compare)));
      expect(layers).toEqual([0, 1, 2, 3]);
    };
    seen((body) => body());
    seen(noGrad);
    seen(inferenceMode);
    seen((body) => noGrad(() => withPlainKernels(body)));
  });

  test("positions picked out of the last block equal these of the whole", () => {
    const embeds = randomRows(9);
    const asked = { index: idTensor([1, 2, 7], "cpu"), perSegment: [3] };
    const whole = forward(model, embeds).indexSelect(1, asked.index);
    const few = forward(model, embeds, { asked });
    expect(few.shape).toEqual([1, 3, D]);
    expect(worst(few, whole.toNumbers())).toBeLessThan(1e-12);
  });

  test("sequences laid end to end do not see each other", () => {
    const parts = [randomRows(4, "float64", 1), randomRows(1, "float64", 2), randomRows(6, "float64", 3)];
    const apart = parts.map((part) => forward(model, part).toNumbers());
    const packed = scope(() => parts.slice(1).reduce((a, b) => joined(a, b), parts[0] as Tensor));
    const segments = [4, 1, 6];
    expect(worst(forward(model, packed, { segments }), apart.flat())).toBeLessThan(1e-12);

    // Positions of the first and the last only.
    const asked = { index: idTensor([0, 3, 5, 10], "cpu"), perSegment: [2, 0, 2] };
    const wanted = [
      [0, 0],
      [0, 3],
      [2, 0],
      [2, 5],
    ].flatMap(
      ([part, row]) => apart[part as number]?.slice((row as number) * D, ((row as number) + 1) * D) as number[],
    );
    expect(worst(forward(model, packed, { segments, asked }), wanted)).toBeLessThan(1e-12);
  });

  test("nor do sequences of one length, which attend as a batch", () => {
    const parts = [1, 2, 3].map((seed) => randomRows(4, "float64", seed));
    const apart = parts.map((part) => forward(model, part).toNumbers());
    const packed = scope(() => parts.slice(1).reduce((a, b) => joined(a, b), parts[0] as Tensor));
    const segments = [4, 4, 4];
    const whole = forward(model, packed, { segments });
    expect(worst(whole, apart.flat())).toBeLessThan(1e-12);

    const asked = { index: idTensor([1, 5, 6, 11], "cpu"), perSegment: [1, 2, 1] };
    const wanted = whole.indexSelect(1, asked.index).toNumbers();
    expect(worst(forward(model, packed, { segments, asked }), wanted)).toBeLessThan(1e-12);
  });

  /** Keys that may be seen, by every position: [1, 1, 1, L] */
  const keyMask = (seen: boolean[], like: Tensor) => additiveMask(tensor([[[seen]]]), like);

  test("a mask of keys hides them; a position that sees nothing sees all alike", () => {
    const embeds = randomRows(5);
    const seen = [true, true, false, true, false];
    const mask = keyMask(seen, embeds);
    const hidden = forward(model, embeds, { mask });
    const wanted = plainHidden(model, embeds, undefined, (_, j) => (seen[j] ? 0 : -1e300)).at(-1) as Matrix;
    expect(worst(hidden, wanted.flat())).toBeLessThan(CLOSE);

    const blind = forward(model, embeds, { mask: keyMask([false, false, false, false, false], embeds) });
    const even = plainHidden(
      {
        ...model,
        weights: { ...model.weights, blocks: model.weights.blocks.map((w) => ({ ...w, query: w.query.mul(0) })) },
      },
      embeds,
    );
    expect(worst(blind, (even.at(-1) as Matrix).flat())).toBeLessThan(CLOSE);
  });

  test("a dialogue-causal mask, with padding", () => {
    const embeds = randomRows(6);
    const turns = [0, 0, 1, 1, 2, 2];
    const kept = [true, true, true, false, true, true];
    const visible = conversationVisibility(tensor([turns], { dtype: "int64" })).logicalAnd(tensor([[[kept]]]));
    expect(visible.shape).toEqual([1, 1, 6, 6]);
    const hidden = forward(model, embeds, { mask: additiveMask(visible, embeds) });
    const sees = (i: number, j: number) => (turns[j] as number) <= (turns[i] as number) && kept[j];
    const wanted = plainHidden(model, embeds, undefined, (i, j) => (sees(i, j) ? 0 : -1e300)).at(-1) as Matrix;
    expect(worst(hidden, wanted.flat())).toBeLessThan(CLOSE);
  });
});

const joined = (a: Tensor, b: Tensor): Tensor =>
  tensor([...a.toNumbers(), ...b.toNumbers()], { dtype: "float64" }).view([1, a.size(1) + b.size(1), D]);

test("explicit positions take the place of 0, 1, 2 ...", () => {
  const model = tinyLlada();
  const embeds = randomRows(5);
  const positions = [3, 9, 10, 11, 30];
  const wanted = plainHidden(model, embeds, positions).at(-1) as Matrix;
  expect(worst(forward(model, embeds, { positions }), wanted.flat())).toBeLessThan(CLOSE);
  expect(worst(forward(model, embeds), wanted.flat())).toBeGreaterThan(0.01);
});

describe("precision", () => {
  const embeds = (dtype: DType) => randomRows(12, dtype);
  const wide = forward(tinyLlada(), embeds("float64"));
  const size = Math.sqrt(wide.square().mean().item());

  test("float32 follows float64", () => {
    expect(worst(forward(tinyLlada("float32"), embeds("float32")), wide.toNumbers()) / size).toBeLessThan(1e-5);
  });

  test("bfloat16 follows roughly, and float16 closer", () => {
    const error = (dtype: DType) => {
      const narrow = forward(tinyLlada(dtype), embeds(dtype));
      expect(narrow.dtype).toBe(dtype);
      return Math.sqrt(narrow.to({ dtype: "float64" }).sub(wide).square().mean().item()) / size;
    };
    expect(error("bfloat16")).toBeLessThan(0.05);
    expect(error("float16")).toBeLessThan(0.008);
  });

  test.each<[DType, number]>([
    ["float32", -3.4028234663852886e38],
    ["float64", -Number.MAX_VALUE],
    ["float16", -65504],
    ["bfloat16", -3.3895313892515355e38],
  ])("an additive mask in %s takes that type's minimum, which is finite", (dtype, minimum) => {
    const mask = additiveMask(tensor([[true, false]]), randomRows(1, dtype));
    expect(mask.dtype).toBe(dtype);
    expect(mask.toNumbers().map((x) => x + 0)).toEqual([0, minimum]);
  });
});

describe("the ends", () => {
  const model = tinyLlada("bfloat16");

  test("embed gives the rows of the ids in their shape", () => {
    const rows = embed(
      model,
      tensor(
        [
          [3, 0],
          [10, 3],
        ],
        { dtype: "int64" },
      ),
    );
    expect(rows.shape).toEqual([2, 2, D]);
    expect(rows.select(0, 1).select(0, 0).toNumbers()).toEqual(model.weights.embedTokens.select(0, 10).toNumbers());
    expect(rows.select(0, 0).select(0, 0).toNumbers()).toEqual(rows.select(0, 1).select(0, 1).toNumbers());
  });

  test("logits are float32, over the first tokens of the vocabulary if asked", () => {
    const hidden = randomRows(2, "bfloat16");
    const all = logits(model, hidden);
    const some = logits(model, hidden, 7);
    expect([all.dtype, all.shape, some.shape]).toEqual(["float32", [1, 2, V], [1, 2, 7]]);
    expect(some.toNumbers()).toEqual(all.narrow(2, 0, 7).toNumbers());
    expect(logits(model, hidden, V + 5).shape).toEqual([1, 2, V]);
  });
});

describe("what a forward pass touches", () => {
  const everyTensor = (model: Llada<Tensor>): Tensor[] => [
    model.weights.embedTokens,
    model.weights.norm,
    model.weights.head,
    ...model.weights.blocks.flatMap((w) => Object.values(w) as Tensor[]),
  ];

  test("neither its input nor the weights", () => {
    const model = tinyLlada("float32");
    const embeds = randomRows(5, "float32");
    const numbers = () => [embeds, ...everyTensor(model)].map((t) => t.toNumbers());
    const before = numbers();
    noGrad(() => logits(model, forward(model, embeds)));
    noGrad(() => forward(model, embeds, { asked: { index: idTensor([1], "cpu"), perSegment: [1] } }));
    expect(numbers()).toEqual(before);
  });

  test("no memory beyond its result", () => {
    const model = tinyLlada("float32");
    const embeds = randomRows(5, "float32");
    const ids = idTensor([1, 2], "cpu");
    const rotary = new Rotary(model.config).tables([counting(5)], "float32", "cpu");
    const asked = { index: ids, perSegment: [2] };
    const before = memory();
    for (let i = 0; i < 3; i++)
      for (const options of [{ rotary }, { rotary, asked }]) {
        const hidden = hiddenStates(model, embeds, options);
        expect(memory().tensors).toBe(before.tensors + 1);
        logits(model, hidden).dispose();
        logits(model, hidden, 4).dispose();
        embed(model, ids).dispose();
        hidden.dispose();
        expect(memory()).toEqual(before);
      }
  });

  test("the gradient of every weight, the same with plain kernels and fast ones", () => {
    const gradients = (run: (body: () => void) => void): number[][] => {
      const model = tinyLlada("float64", 2);
      const weights = everyTensor(model).map((t) => t.setRequiresGrad());
      run(() => {
        const rows = embed(model, tensor([[1, 2, 3, 4]], { dtype: "int64" }));
        backward(logits(model, forward(model, rows)).square().mean());
      });
      return weights.map((t) => t.grad?.toNumbers() ?? []);
    };
    const fast = gradients((body) => body());
    expect(fast.every((gradient) => gradient.some((g) => g !== 0))).toBe(true);
    const plain = gradients(withPlainKernels);
    for (const [i, gradient] of fast.entries())
      expect(Math.max(...gradient.map((g, j) => Math.abs(g - (plain[i]?.[j] as number))))).toBeLessThan(1e-9);
  });
});
