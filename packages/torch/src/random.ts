/** Random numbers from explicit generators: the same seed gives the numbers that Python's torch gives. */

import { type Device, usableDevice } from "./device.js";
import { type DType, dtypeCode } from "./dtype.js";
import { native } from "./native.js";
import { operatorId } from "./operator.js";
import { type Tensor, wrap } from "./tensor.js";

const unreferenced = new FinalizationRegistry<number>((id) => native.freeGenerator(id));

/** A stream of random numbers. CPU generators are Mersenne twisters, CUDA's are Philox: seeds do not carry over. */
export class Generator implements Disposable {
  /** @internal -1 once disposed */
  id: number;
  readonly device: Device;

  constructor(seed: number | bigint, device: Device = "cpu") {
    usableDevice(device);
    this.device = device;
    this.id = native.makeGenerator(device);
    unreferenced.register(this, this.id, this);
    native.seedGenerator(this.id, seed);
  }

  /** Starts the stream anew. Seeds go from -2^63 to 2^64-1, beyond 2^53 as bigints. */
  seed(seed: number | bigint): void {
    native.seedGenerator(this.id, seed);
  }

  /** The state as a uint8 tensor, for checkpoints. */
  getState(): Tensor {
    return wrap(native.generatorState(this.id));
  }

  setState(state: Tensor): void {
    native.setGeneratorState(this.id, state.slot);
  }

  [Symbol.dispose](): void {
    if (this.id < 0) return;
    unreferenced.unregister(this);
    native.freeGenerator(this.id);
    this.id = -1;
  }
}

export interface RandomOptions {
  /** Default float32, for integers int64. */
  dtype?: DType;
}

function drawn(name: string, args: unknown[], generator: Generator, dtype: DType): Tensor {
  const values = [...args, generator.id, dtypeCode(dtype), undefined, generator.device];
  return wrap(native.call(operatorId(name), ...values));
}

/** Uniform numbers in [0, 1), on the generator's device. */
export function rand(shape: readonly number[], generator: Generator, options: RandomOptions = {}): Tensor {
  return drawn("aten::rand.generator", [shape], generator, options.dtype ?? "float32");
}

/** Standard normal numbers. */
export function randn(shape: readonly number[], generator: Generator, options: RandomOptions = {}): Tensor {
  return drawn("aten::randn.generator", [shape], generator, options.dtype ?? "float32");
}

/** Uniform integers in [low, high). */
export function randint(
  low: number,
  high: number,
  shape: readonly number[],
  generator: Generator,
  options: RandomOptions = {},
): Tensor {
  return drawn("aten::randint.low_generator", [low, high, shape], generator, options.dtype ?? "int64");
}

/** A random permutation of 0 ... n-1. */
export function randperm(n: number, generator: Generator): Tensor {
  return drawn("aten::randperm.generator", [n], generator, "int64");
}
