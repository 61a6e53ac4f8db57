/** Layers, each with torch's formula, shapes and beginning. */
import { empty, ones, type TensorOptions, zeros } from "../create.js";
import { conv2d, embedding, emptyLike, layerNorm, linear, rmsNorm } from "../generated/ops.generated.js";
import type { Generator } from "../random.js";
import type { Tensor } from "../tensor.js";
import { bias_, gaussian_, kaimingUniform_ } from "./init.js";
import { Module, weight } from "./module.js";

export interface RandomLayerOptions extends TensorOptions {
  /** Draws the weights that it begins with. */
  generator: Generator;
  /** Default true. */
  bias?: boolean;
}

/** x W^T + b: [..., I] -> [..., O] */
export class Linear extends Module {
  readonly weight: Tensor; // [O, I]
  readonly bias: Tensor | undefined; // [O]

  constructor(inputs: number, outputs: number, { generator, bias = true, ...place }: RandomLayerOptions) {
    super();
    this.weight = weight(() => kaimingUniform_(empty([outputs, inputs], place), generator, Math.sqrt(5)));
    this.bias = bias ? weight(() => bias_(empty([outputs], place), this.weight, generator)) : undefined;
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}

export interface ConvOptions extends RandomLayerOptions {
  /** Default 1. */
  stride?: number;
  /** Default 0. */
  padding?: number;
}

/** [B, I, H, W] -> [B, O, H', W'] with kernels of `size` x `size` */
export class Conv2d extends Module {
  readonly weight: Tensor; // [O, I, size, size]
  readonly bias: Tensor | undefined; // [O]
  readonly #stride: number;
  readonly #padding: number;

  constructor(inputs: number, outputs: number, size: number, options: ConvOptions) {
    super();
    const { generator, bias = true, stride = 1, padding = 0, ...place } = options;
    this.#stride = stride;
    this.#padding = padding;
    this.weight = weight(() => kaimingUniform_(empty([outputs, inputs, size, size], place), generator, Math.sqrt(5)));
    this.bias = bias ? weight(() => bias_(empty([outputs], place), this.weight, generator)) : undefined;
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.#stride, this.#padding);
  }
}

/** int64 [...] -> [..., D] */
export class Embedding extends Module {
  readonly weight: Tensor; // [V, D]

  constructor(count: number, width: number, { generator, ...place }: Omit<RandomLayerOptions, "bias">) {
    super();
    this.weight = weight(() => gaussian_(empty([count, width], place), generator));
  }

  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids);
  }
}

/** (x - mean) / sqrt(variance + eps) * w + b over the last dimension */
export class LayerNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly #eps: number;

  constructor(width: number, { eps = 1e-5, ...place }: TensorOptions & { eps?: number } = {}) {
    super();
    this.#eps = eps;
    this.weight = weight(() => ones([width], place));
    this.bias = weight(() => zeros([width], place));
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight.shape, this.weight, this.bias, this.#eps);
  }
}

/** x / sqrt(mean of squares + eps) * w over the last dimension */
export class RmsNorm extends Module {
  readonly weight: Tensor;
  readonly #eps: number;

  constructor(width: number, { eps = 1e-6, ...place }: TensorOptions & { eps?: number } = {}) {
    super();
    this.#eps = eps;
    this.weight = weight(() => ones([width], place));
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight.shape, this.weight, this.#eps);
  }
}

/** While training, makes elements 0 with probability `p` and the others larger by 1 / (1 - p). */
export class Dropout extends Module {
  readonly #p: number;
  readonly #generator: Generator;

  constructor(p: number, { generator }: { generator: Generator }) {
    super();
    if (!(p >= 0 && p < 1)) throw new Error(`Dropout: a probability of ${p}; give one of 0 or more and below 1`);
    this.#p = p;
    this.#generator = generator;
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.#p === 0) return x.alias();
    const kept = emptyLike(x).bernoulli_(1 - this.#p, { generator: this.#generator });
    return x.mul(kept).div(1 - this.#p);
  }
}

/** One after the other; functions have their place among modules. Their names are numbers: `parts.0.weight`. */
export class Sequential extends Module {
  readonly parts: readonly (Module | ((x: Tensor) => Tensor))[];

  constructor(...parts: readonly (Module | ((x: Tensor) => Tensor))[]) {
    super();
    this.parts = parts;
  }

  forward(x: Tensor): Tensor {
    return this.parts.reduce((value, part) => (part instanceof Module ? part.forward(value) : part(value)), x);
  }
}
