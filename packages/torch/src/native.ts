/** The addon as TypeScript sees it, and how it is found.
 *
 *  Slots are small integers that stand for native tensors; everything above this file speaks of `Tensor`. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { locateTorch } from "../setup/index.mjs";

export type Slot = number;

export interface ArgumentInfo {
  name: string;
  type: string;
  kind: number;
  optional: boolean;
  kwargOnly: boolean;
  hasDefault: boolean;
  length: number;
}

export interface OperatorInfo {
  name: string;
  schema: string;
  inPlace: boolean;
  arguments: ArgumentInfo[];
  results: number[];
}

/** How a value crosses the border: the numbers of `Kind` in native/env.h. */
export const Kind = {
  Tensor: 0,
  TensorList: 1,
  Scalar: 2,
  Int: 3,
  Float: 4,
  Bool: 5,
  String: 6,
  IntList: 7,
  FloatList: 8,
  BoolList: 9,
  Device: 10,
  Generator: 11,
  OptionalTensorList: 12,
  ScalarList: 13,
  Unsupported: 14,
} as const;

export interface Native {
  version: string;
  // operators
  resolve(name: string, overload: string): number;
  schemaOf(op: number): OperatorInfo;
  schemas(): string[];
  call(op: number, ...args: unknown[]): unknown;
  callInPlace(op: number, ...args: unknown[]): void;
  // tensors
  free(slots: Int32Array, count: number): void;
  shareGivenUp(list: Int32Array): void;
  describe(slot: Slot): number[];
  fromBuffer(buffer: ArrayBufferLike, byteOffset: number, shape: readonly number[], dtype: number): Slot;
  copyInto(slot: Slot, buffer: ArrayBufferLike, byteOffset: number): void;
  fetchInto(slot: Slot, buffer: ArrayBuffer): Promise<void>;
  mapFile(descriptor: number, bytes: number): Slot;
  item(slot: Slot): number | boolean | bigint;
  toText(slot: Slot): string;
  alias(slot: Slot): Slot;
  memory(): [tensors: number, bytes: number, reported: number];
  send(slot: Slot): number;
  receive(token: number): Slot;
  // autograd
  requiresGrad(slot: Slot): boolean;
  setRequiresGrad(slot: Slot, on: boolean): void;
  isLeaf(slot: Slot): boolean;
  gradOf(slot: Slot): Slot;
  setGrad(slot: Slot, grad: Slot | undefined): void;
  backward(
    outputs: Slot[],
    gradOutputs: (Slot | undefined)[] | undefined,
    retainGraph: boolean,
    createGraph: boolean,
    inputs: Slot[] | undefined,
  ): void;
  grad(
    outputs: Slot[],
    inputs: Slot[],
    gradOutputs: (Slot | undefined)[] | undefined,
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): Slot[];
  recordFunction(
    name: string,
    inputs: Slot[],
    outputs: Slot[],
    saved: Slot[],
    places: readonly number[],
    backward: (gradients: Slot[], saved: Slot[]) => Slot[],
  ): Slot[];
  oneDnnLinear(x: Slot, weight: Slot, bias: Slot | undefined): Slot;
  widenedLinear(x: Slot, weight: Slot, bias: Slot | undefined, kernel: string | undefined): Slot;
  widenedKernels(): string[];
  // quantised weights
  quantizeWeight(weight: Slot, bits: number, group: number): Slot[];
  dequantizeWeight(packed: Slot, scales: Slot, outputs: number, inputs: number): Slot;
  rotateBlocks(x: Slot, group: number): Slot;
  quantizedLinear(
    x: Slot,
    packed: Slot,
    scales: Slot,
    outputs: number,
    bias: Slot | undefined,
    kernel: string | undefined,
  ): Slot;
  quantizedKernels(): string[];
  // several operators in one pass over memory
  fusedRmsNorm(x: Slot, weight: Slot, eps: number, kernel: string | undefined): Slot;
  siluMul_(gate: Slot, up: Slot, kernel: string | undefined): void;
  rotateHalves_(x: Slot, cos: Slot, sin: Slot, kernel: string | undefined): void;
  onlineSoftmax_(state: Slot, logits: Slot, first: number, precise: boolean, kernel: string | undefined): void;
  fusedKernels(): string[];
  // distributed: absent where libtorch was built without it
  makeStore?(host: string, port: number, isServer: boolean, timeoutMs: number, prefix: string): number;
  storeConnect(store: number): Promise<number>;
  storeSet(store: number, key: string, value: string): Promise<void>;
  storeGet(store: number, key: string, timeoutMs: number): Promise<string>;
  storeAdd(store: number, key: string, amount: number): Promise<number>;
  storeHas(store: number, key: string): Promise<number>;
  storeCompareSet(store: number, key: string, expected: string, desired: string): Promise<string>;
  storeDelete(store: number, key: string): Promise<number>;
  storeClose(store: number): Promise<void>;
  storeAbandon(store: number): void;
  makeGroup(
    store: number,
    backend: string,
    rank: number,
    size: number,
    timeoutMs: number,
    name: string,
    place: string,
  ): Promise<number>;
  collective(
    group: number,
    name: string,
    output: Slot | undefined,
    input: Slot | undefined,
    reduction: string,
    root: number,
  ): Promise<void>;
  closeGroup(group: number): Promise<void>;
  setGradMode(on: boolean): boolean;
  setInferenceMode(on: boolean): boolean;
  // machine
  setThreads(count: number): void;
  getThreads(): number;
  loadLibrary(path: string): string;
  deviceCount(device: string): number;
  computeCapability(index: number): [major: number, minor: number] | undefined;
  synchronize(device: string): void;
  setTf32(allowed: boolean): void;
  hasGraphs(device: string): boolean;
  keepMemory(bytes: number): void;
  keptMemory(): [number, number];
  makeGenerator(device: string): number;
  freeGenerator(generator: number): void;
  seedGenerator(generator: number, seed: number | bigint): void;
  generatorState(generator: number): Slot;
  setGeneratorState(generator: number, state: Slot): void;
}

/** Loaded when it is first used, not when this package is imported: the headers of weight files can be read, and a
 *  missing set-up be reported, without it. An importer sees the addon itself from then on. */
export let native: Native = new Proxy({} as Native, {
  get: (_, key) => {
    native = load();
    for (const use of waiting) use(native);
    return native[key as keyof Native];
  },
});

const waiting: ((native: Native) => void)[] = [];

/** Has `use` called when the addon is loaded. For modules of this package, as they are imported. */
export function whenLoaded(use: (native: Native) => void): void {
  waiting.push(use);
}

function load(): Native {
  const located = locateTorch();
  if (located === undefined)
    throw new Error(
      "@rediff/torch is not set up: libtorch or its addon is missing. Run `npx rediff-torch-setup` once.",
    );
  waitAsleep();
  // What libtorch logs (every try to reach a store that is not there, a peer that is gone, each with C++ frames) comes as an
  // error too, which says it once. It reads its level when it first has something to log; whoever has set it keeps it.
  process.env.TORCH_CPP_LOG_LEVEL ??= "FATAL";
  try {
    return createRequire(import.meta.url)(located.addon) as Native;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the addon ${located.addon} cannot be loaded: ${why}. Run \`npx rediff-torch-setup --force\`.`);
  }
}

/** Lets libtorch's threads sleep while they wait for each other between operators, unless the environment says otherwise.
 *  OpenMP has them spin, which saves a few microseconds an operator on an idle machine. But Node's own threads, readers of
 *  pictures and other programs want processors too: where one of them takes the processor of a thread that is waited for,
 *  the others spin for all of its turn, and a pass takes many times as long. OpenMP reads this when it is loaded. */
function waitAsleep(): void {
  process.env.OMP_WAIT_POLICY ??= "passive";
}

const found = locateTorch();

/** The folder with libtorch's shared libraries; empty when nothing is set up. */
export const libDir: string = found?.libDir ?? "";
/** CUDA's part of this package, beside the addon where it could be built; empty when nothing is set up. */
export const cudaPart: string = found === undefined ? "" : join(dirname(found.addon), "rediff_cuda.so");
/** The version of the libtorch that was set up, for example "2.15.0"; empty when nothing is. */
export const torchVersion: string = found?.torchVersion.replace(/\+.*/, "") ?? "";
