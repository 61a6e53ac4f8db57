/** Random numbers from explicit generators: the same seed gives the numbers that Python's torch gives. */

import { operatorId } from "./call.js";
import { usableDevice } from "./device.js";
import { type DType, dtypeCode } from "./dtype.js";
import { native } from "./native.js";
import { type Device, type Tensor, wrap } from "./tensor.js";

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

const ids = new Map<string, number>();
function op(name: string): number {
  let id = ids.get(name);
  if (id === undefined) {
    id = operatorId(name);
    ids.set(name, id);
  }
  return id;
}

/** Uniform numbers in [0, 1), on the generator's device. */
export function rand(shape: readonly number[], generator: Generator, options: RandomOptions = {}): Tensor {
  const dtype = dtypeCode(options.dtype ?? "float32");
  return wrap(native.call(op("aten::rand.generator"), shape, generator.id, dtype, undefined, generator.device));
}

/** Standard normal numbers. */
export function randn(shape: readonly number[], generator: Generator, options: RandomOptions = {}): Tensor {
  const dtype = dtypeCode(options.dtype ?? "float32");
  return wrap(native.call(op("aten::randn.generator"), shape, generator.id, dtype, undefined, generator.device));
}

/** Uniform integers in [low, high). */
export function randint(
  low: number,
  high: number,
  shape: readonly number[],
  generator: Generator,
  options: RandomOptions = {},
): Tensor {
  const dtype = dtypeCode(options.dtype ?? "int64");
  return wrap(
    native.call(op("aten::randint.low_generator"), low, high, shape, generator.id, dtype, undefined, generator.device),
  );
}

/** A random permutation of 0 ... n-1. */
export function randperm(n: number, generator: Generator): Tensor {
  return wrap(
    native.call(op("aten::randperm.generator"), n, generator.id, dtypeCode("int64"), undefined, generator.device),
  );
}
