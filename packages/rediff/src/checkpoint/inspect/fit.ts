/** Which settings a model fits this machine with, and how fast they will be: measured on one layer of random weights at the
 *  model's proportions, and multiplied. Times are by the clock, as the machine is now.
 *  R rows, D width, F feed-forward width, V vocabulary. */
import { type DType, Generator, getThreads, inferenceMode, randn, scope, type Tensor } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { dotAttention, type StoredWeight } from "../../models/kernels.js";
import { type BlockWeights, block } from "../../models/llada/llada.js";
import { Rotary } from "../../models/llada/rotary.js";
import type { ModelConfig } from "../../models/llava/llava.js";
import { processorText } from "../../models/measured/processor.js";
import { leastTimes } from "../../models/measured/timing.js";
import { cpuQuantizations, type Quantization } from "../../models/quantization.js";
import { availableMemory, fit, gib, mappedBytes, memoryNeed, requestBytes } from "../memory.js";
import { roundWeight } from "../quantize/rounded-weight.js";
import { formatOf, schemeFor, storedEntries } from "../quantize/stored-format.js";
import { modelShapes, type Shapes } from "../tensor-names.js";

export interface FitOptions {
  /** Positions of the prompt, pictures included. */
  promptTokens: number;
  /** Tiles of its pictures. */
  tiles: number;
  /** Tokens of the answer. */
  genLength: number;
  /** Forward passes of an answer. */
  steps: number;
  /** Bytes that there are for it; default what is available. */
  available?: number;
  /** The dtype of a tensor in the files; undefined where it is not known, or not there. */
  stored?: (name: string) => DType | undefined;
}

/** A setting on this machine. */
export interface FitRow {
  dtype: DType;
  quantize: Quantization | undefined;
  /** Bytes of weights, and of the process with one request. */
  weights: number;
  memory: number;
  fits: "whole" | "mapped" | "no";
  /** Requests that fit together, with a cache. */
  batch: number;
  /** Seconds of a pass over all rows, of one over the answer's with a cache, and of a whole answer both ways. */
  pass: number;
  cachedStep: number;
  answer: number;
  cachedAnswer: number;
}

export interface Fit extends Pick<FitOptions, "promptTokens" | "genLength" | "steps" | "tiles"> {
  processor: string;
  threads: number;
  available: number;
  rows: FitRow[];
}

/** Passes of which one refreshes the cache. */
export const REFRESH_EVERY = 8;

/** Rows that stand for many. */
const MEASURED_ROWS = 256;

const DTYPES = ["float32", "bfloat16"] as const;
type Measured = (typeof DTYPES)[number];

/** @throws UserError where not even a layer fits */
export function fitModel(config: ModelConfig, options: FitOptions): Fit {
  const { promptTokens, genLength, steps, tiles, available = availableMemory(), stored = () => undefined } = options;
  const shapes = modelShapes(config);
  assertLayer(config, available);
  const rates = measureLayer(config, { promptTokens, genLength });
  const { layers, hiddenSize, vocabSize } = config.llada;
  const schemes = config.quantization === undefined ? [undefined, ...cpuQuantizations] : [config.quantization.weights];
  const rows = schemes.flatMap((quantize) =>
    DTYPES.map((dtype): FitRow => {
      const scheme = quantize && (config.quantization ?? schemeFor(quantize));
      const size = { rows: promptTokens + genLength, asked: genLength, tiles, cached: true };
      const { weights } = memoryNeed(config, shapes, dtype, scheme);
      const single = requestBytes(config, dtype, { ...size, cached: false });
      const rounds = scheme !== undefined && config.quantization === undefined;
      const mapped = mappedBytes(
        shapes,
        { dtype, scheme, layers },
        rounds ? notRounded(shapes, config, stored) : stored,
      );
      const need = { parameters: 0, weights, activations: single };
      const times = rates(quantize, dtype);
      const head = (2 * genLength * hiddenSize * vocabSize) / (scheme?.head ? times.roundedRate : times.plainRate);
      const pass = layers * times.fullLayer + head;
      const cachedStep = layers * times.cachedLayer + head;
      const tower = towerFlops(config, tiles) / times.plainRate;
      const refreshes = Math.ceil(steps / REFRESH_EVERY) + 1; // and one that certifies
      return {
        ...{
          dtype,
          quantize,
          weights,
          memory: weights + single,
          fits: fit({ need, mapped }, available),
          pass,
          cachedStep,
        },
        batch: Math.max(0, Math.floor((available - weights) / requestBytes(config, dtype, size))),
        answer: tower + steps * pass,
        cachedAnswer: tower + refreshes * pass + Math.max(0, steps + 1 - refreshes) * cachedStep,
      };
    }),
  );
  return {
    ...{ promptTokens, genLength, steps, tiles, available, rows },
    processor: processorText(),
    threads: getThreads(),
  };
}

/** What a model that is rounded while it is loaded maps. */
function notRounded(shapes: Shapes, config: ModelConfig, stored: (name: string) => DType | undefined) {
  const packed = new Set(
    storedEntries(shapes, schemeFor("int8"), config.llada.layers).flatMap(({ name, dtype }) =>
      dtype === undefined ? [] : [name],
    ),
  );
  return (name: string) => (packed.has(name) ? undefined : stored(name));
}

function assertLayer({ llada }: ModelConfig, available: number): void {
  const layer = 4 * llada.hiddenSize * (4 * llada.hiddenSize + 3 * llada.intermediateSize);
  if (2 * layer <= available) return;
  throw new UserError(
    `one layer of this model takes ${gib(layer)} in float32, and measuring it ${gib(2 * layer)}; ${gib(available)} are available`,
    "Close other programs, or use a machine with more memory.",
  );
}

/** Multiplications and additions of the tower, without attention. */
function towerFlops({ multimodal }: ModelConfig, tiles: number): number {
  if (multimodal === undefined) return 0;
  const { hiddenSize, intermediateSize, layers, imageSize, patchSize } = multimodal.vision;
  const patches = Math.floor(imageSize / patchSize) ** 2;
  return 2 * tiles * patches * (layers - 1) * (4 * hiddenSize ** 2 + 2 * hiddenSize * intermediateSize);
}

interface LayerTimes {
  /** Seconds of one layer, over all rows, and over the answer's against all keys. */
  fullLayer: number;
  cachedLayer: number;
  /** Operations a second of what stays in the dtype: the tower, and the head unless it is rounded. */
  plainRate: number;
  /** And of a rounded head. */
  roundedRate: number;
}

/** One layer in every format; weights are freed before the next format is made. */
function measureLayer(config: ModelConfig, { promptTokens, genLength }: { promptTokens: number; genLength: number }) {
  const { hiddenSize, intermediateSize, kvHeads, headDim, heads } = config.llada;
  const all = promptTokens + genLength;
  const [many, few] = [Math.min(all, MEASURED_ROWS), Math.min(all, Math.max(1, genLength))];
  const perRow = 2 * (2 * hiddenSize * (heads + kvHeads) * headDim + 3 * hiddenSize * intermediateSize);
  const measured = new Map<string, { many: number; few: number }>();
  const attention = new Map<Measured, { full: number; cached: number }>();
  inferenceMode(() =>
    scope(() => {
      using generator = new Generator(1);
      const seconds = (body: () => Tensor): number => {
        const run = () => scope(() => void body());
        return leastTimes({ run }, { rounds: 2, budgetMs: 0, now: () => performance.now() }).run / 1000;
      };
      for (const dtype of DTYPES) {
        const random = (...shape: number[]) => randn(shape, generator).to({ dtype });
        scope(() => {
          const [q, k, v] = [all, all, all].map((rows) => random(1, heads, rows, headDim)) as [Tensor, Tensor, Tensor];
          const asking = q.narrow(2, 0, few);
          attention.set(dtype, {
            full: seconds(() => dotAttention(q, k, v)),
            cached: seconds(() => dotAttention(asking, k, v)),
          });
        });
        for (const quantize of config.quantization === undefined
          ? [undefined, ...cpuQuantizations]
          : [config.quantization.weights])
          scope(() => {
            using weights = randomLayer(config, { quantize, random });
            const rotary = new Rotary(config.llada);
            const layerSeconds = (rows: number): number => {
              const x = random(1, rows, hiddenSize);
              const tables = rotary.tables([Array.from({ length: rows }, (_, i) => i)], dtype, "cpu");
              return seconds(() => block(weights.block, x, { config: config.llada, rotary: tables, visible: {} }));
            };
            measured.set(`${dtype} ${quantize}`, { many: layerSeconds(many), few: layerSeconds(few) });
          });
      }
    }),
  );
  return (quantize: Quantization | undefined, dtype: Measured): LayerTimes => {
    const own = measured.get(`${dtype} ${quantize}`) as { many: number; few: number };
    // Of a rounded model nothing was measured in the dtype itself: the best guess is the layer.
    const whole = measured.get(`${dtype} undefined`) ?? own;
    const attended = attention.get(dtype) as { full: number; cached: number };
    return {
      fullLayer: (own.many / many) * all + attended.full,
      cachedLayer: own.few + attended.cached,
      plainRate: (few * perRow) / whole.few,
      roundedRate: (few * perRow) / own.few,
    };
  };
}

/** Random rows, repeated: making as many random numbers as a layer has weights would take longer than multiplying them. */
const DISTINCT_ROWS = 256;

function randomLayer(
  config: ModelConfig,
  { quantize, random }: { quantize: Quantization | undefined; random: (...shape: number[]) => Tensor },
): Disposable & { block: BlockWeights<StoredWeight> } {
  const { hiddenSize: D, intermediateSize: F, kvHeads, heads, headDim, layers } = config.llada;
  const middle = `model.layers.${layers >> 1}`;
  const owned: Disposable[] = [];
  const weight = (name: string, outputs: number, inputs: number): StoredWeight => {
    const distinct = Math.min(DISTINCT_ROWS, outputs);
    const some = random(distinct, inputs).mul(1 / Math.sqrt(inputs));
    const whole = some
      .repeat([Math.ceil(outputs / distinct), 1])
      .narrow(0, 0, outputs)
      .contiguous();
    some.dispose();
    if (quantize === undefined) return whole;
    const scheme = config.quantization ?? schemeFor(quantize);
    const format = formatOf(`${middle}.${name}.weight`, scheme, layers) as Quantization;
    const rounded = roundWeight(format, whole, scheme.group);
    whole.dispose();
    owned.push(rounded);
    return rounded;
  };
  const norm = () => random(D).mul(0).add(1);
  const block = {
    ...{ inputNorm: norm(), postAttentionNorm: norm() },
    query: weight("self_attn.q_proj", heads * headDim, D),
    key: weight("self_attn.k_proj", kvHeads * headDim, D),
    value: weight("self_attn.v_proj", kvHeads * headDim, D),
    output: weight("self_attn.o_proj", D, heads * headDim),
    gate: weight("mlp.gate_proj", F, D),
    up: weight("mlp.up_proj", F, D),
    down: weight("mlp.down_proj", D, F),
  };
  return {
    block,
    [Symbol.dispose]() {
      for (const one of owned) one[Symbol.dispose]();
    },
  };
}
