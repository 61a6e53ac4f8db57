import { type DType, Generator, memory, noGrad, randn, scope, setThreads, type Tensor } from "@rediff/torch";
import { beforeAll, describe, expect, test } from "vitest";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { allPieces } from "../../models/chain.js";
import type { Model } from "../../models/llava/llava.js";
import { encodeVisuals, visualPass } from "../../models/llava/vision-encoder.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { wholeGradient } from "./accumulate.js";
import { type TrainableModel, type TunablePart, trainable } from "./parameters.js";
import { type Checkpointing, recordedChain, Tunables } from "./reverse.js";

beforeAll(() => setThreads(1)); // tiny models gain nothing by more

const { at } = folderOfFile();

const EVERY: readonly TunablePart[] = ["mm_mlp_adapter", "mm_vision_tower", "mm_language_model"];
const WIDTH = 32;
/** Of one tile: 2 x 2 patches of width 16. */
const TILE = 4 * 16;

let count = 0;
const load = (dtype: DType): Promise<Model> =>
  loadModelFolder(
    writeTinyModel(at(String(count++)), { hiddenSize: WIDTH, heads: 4, visionSize: 16, visionLayers: 3 }),
    { dtype },
  );

function visual(tiles: number, width: number, height: number, kind: Visual["kind"] = "picture"): Visual {
  const pixels = new Uint8Array(tiles * 3 * 28 * 28).map((_, i) => (i * 37 + tiles * 11 + (i >> 7)) % 256);
  return { kind, pixels, tiles, tileSize: 28, imageSize: { width, height } };
}

/** A picture and its view, a large one, one without a gradient, a single tile, a video. */
const visuals = [
  visual(2, 28, 28),
  visual(5, 50, 40),
  visual(2, 28, 20),
  visual(1, 20, 28),
  visual(3, 28, 28, "video"),
];
const NO_GRADIENT = 2;
const CUT = 1;

interface Result {
  rows: number[][];
  gradients: Map<string, number[] | undefined>;
}

/** Rows and gradients when the visuals go `atOnce`: all in one call of `visualPass`, or each in one of its own. */
function results(
  tuned: TrainableModel,
  atOnce: boolean,
  options: { checkpointing: Checkpointing; maxElements?: number },
): Result {
  const { model } = tuned;
  const { vision } = model;
  if (vision === undefined) throw new Error("the model has no vision encoder");
  using generator = new Generator(3);
  const calls = atOnce ? [visuals] : visuals.map((one) => [one]);
  const rows = noGrad(() =>
    scope(() => {
      const passes = calls.map((some) =>
        allPieces(
          visualPass(
            model,
            vision,
            some,
            recordedChain(new Tunables(tuned), options.checkpointing),
            options.maxElements,
          ),
        ),
      );
      const all = passes.flatMap((pass) => pass.rows);
      const numbers = all.map((own) => own.toNumbers() as number[]);
      const gradients = all.map((own, i): Tensor | undefined => {
        const gradient = randn(own.shape, generator, { dtype: model.dtype });
        if (i === NO_GRADIENT) return undefined;
        return i === CUT ? gradient.narrow(0, 0, 3) : gradient;
      });
      for (const pass of passes)
        if (pass.differentiable) allPieces(pass.backward(gradients.splice(0, pass.rows.length)));
      return numbers;
    }),
  );
  const gradients = new Map(
    tuned.parameters.map((parameter) => [
      parameter.name,
      parameter.gradient && scope(() => wholeGradient(parameter).toNumbers() as number[]),
    ]),
  );
  tuned[Symbol.dispose]();
  return { rows, gradients };
}

function expectClose(found: Result, wanted: Result, tolerance: number): void {
  expect(found.rows.map((row) => row.length)).toEqual(wanted.rows.map((row) => row.length));
  for (const [i, row] of wanted.rows.entries()) expect(distance(found.rows[i] ?? [], row)).toBeLessThan(tolerance);
  // In units of the largest: a key's bias has no gradient but rounding, since softmax does not see it.
  const largest = Math.max(...[...wanted.gradients.values()].map((gradient) => norm(gradient ?? [])));
  for (const [name, gradient] of wanted.gradients) {
    const own = found.gradients.get(name);
    expect(own === undefined, name).toBe(gradient === undefined);
    const off = norm((gradient ?? []).map((x, i) => x - (own?.[i] as number)));
    expect(off / largest, name).toBeLessThan(tolerance);
  }
}

const norm = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));

/** |a - b| / |b| */
const distance = (a: readonly number[], b: readonly number[]): number =>
  norm(b.map((x, i) => x - (a[i] as number))) / norm(b);

describe.each<[DType, number]>([
  ["float32", 1e-5],
  ["float64", 1e-13],
])("%s: all at once is one by one", (dtype, tolerance) => {
  test.each<[string, readonly TunablePart[], Checkpointing, number | undefined]>([
    ["in one group", EVERY, "none", undefined],
    ["with checkpointing", EVERY, "blocks", undefined],
    ["in groups of four tiles, the large picture in two chunks", EVERY, "blocks", 4 * TILE],
    ["tile by tile", EVERY, "none", 1],
    ["under a frozen tower", ["mm_mlp_adapter"], "blocks", undefined],
    ["with a tower alone", ["mm_vision_tower"], "none", undefined],
    ["with nothing but the newline", ["mm_language_model"], "none", 4 * TILE],
  ])("%s", async (_, parts, checkpointing, maxElements) => {
    using model = await load(dtype);
    using tuned = trainable(model, parts);
    const wanted = results(tuned, false, { checkpointing });
    const options = { checkpointing, ...(maxElements !== undefined && { maxElements }) };
    const found = results(tuned, true, options);
    expectClose(found, wanted, tolerance);
    expect([...found.gradients.values()].some((gradient) => gradient?.some((x) => x !== 0))).toBe(true);
    // Sums are in one order: a resumed run must not differ.
    expect(results(tuned, true, options)).toEqual(found);
  });
});

test("rows are those that inference gives", async () => {
  using model = await load("float64");
  using tuned = trainable(model, EVERY);
  const { rows } = results(tuned, true, { checkpointing: "none" });
  const wanted = scope(() => encodeVisuals(model, visuals).map((own) => own.toNumbers() as number[]));
  for (const [i, row] of wanted.entries()) expect(distance(rows[i] ?? [], row)).toBeLessThan(1e-13);
});

test("nothing is left behind when nobody goes back, nor without any gradient", async () => {
  using model = await load("float32");
  using tuned = trainable(model, EVERY);
  const { vision } = model;
  if (vision === undefined) throw new Error("the model has no vision encoder");
  const before = memory();
  noGrad(() =>
    scope(() => {
      allPieces(visualPass(model, vision, visuals, recordedChain(new Tunables(tuned), "none")));
      const pass = allPieces(visualPass(model, vision, visuals, recordedChain(new Tunables(tuned), "blocks")));
      allPieces(pass.backward(visuals.map(() => undefined)));
    }),
  );
  expect(tuned.parameters.every(({ gradient }) => gradient === undefined)).toBe(true);
  expect(memory()).toEqual(before);
});
