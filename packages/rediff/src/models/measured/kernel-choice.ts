/** Which kernels this process computes with: those that were the fastest when they were measured on this processor, with
 *  libtorch's own where it is no matter.
 *
 *  REDIFF_KERNELS forces them for a whole process, as a list with commas: "plain" (everything as in `withPlainKernels`),
 *  "aten" or "onednn" for float32 products, "bfloat16-native" or "bfloat16-float32" (products, and attention of many rows) or
 *  "bfloat16-tiles" (products), "attention-fused" or "attention-products". What is forced is not measured; results of other
 *  kernels differ by rounding.
 *  "head-whole", "unfused" and "attention-each" turn off what is not measured, because it is the faster wherever it is: the
 *  head by pieces of the vocabulary, several operators in one pass over memory, and attention of several sequences in one
 *  call. */
import { getThreads, setThreads } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { BFLOAT16_ROWS, FEW_ROWS, MANY_ROWS, measureKernels } from "./kernel-times.js";
import { type AttentionKernel, hasOneDnn, type LinearKernel } from "./products.js";
import { type KernelTimes, keepTimes, readTimes } from "./times-file.js";
import { fasterThan } from "./timing.js";

export type Bfloat16Kernel = "native" | "float32";
/** As it is, by way of float32 with a cast of the weight, or with one of a tile at a time (the addon's own). */
export type Bfloat16Product = Bfloat16Kernel | "tiles";
export type GateKernel = "fused" | "operators";

/** From how many rows on which kernel, in order; the first from 1. */
export type ByRows = readonly { from: number; kernel: Bfloat16Product }[];

export interface KernelChoice {
  /** Of float32 products with few and with many rows. */
  few: LinearKernel;
  many: LinearKernel;
  /** Of bfloat16 products, in inference. */
  bfloat16: ByRows;
  /** Of those in training, which has no kernels of the addon's. */
  bfloat16Training: ByRows;
  attention: AttentionKernel;
  /** Of many rows in bfloat16. */
  bfloat16Attention: Bfloat16Kernel;
  bfloat16Gate: GateKernel;
}

/** Rows from which on a product has many. */
const MANY_FROM = Math.sqrt(FEW_ROWS * MANY_ROWS);

/** How much faster a way of bfloat16 products is that is taken: a few percent are noise, and a weight that is cast needs
 *  memory, and more of its time with more threads. */
const BFLOAT16_MARGINS: Record<Bfloat16Product, number> = { native: 1, tiles: 1.08, float32: 1.25 };

/** @param times as measured */
export function chosenKernels(times: KernelTimes): KernelChoice {
  const { few, many, bfloat16, attention, bfloat16Attention, bfloat16Gate } = times;
  return {
    few: fasterThan<LinearKernel>("aten", withoutMissing(few)),
    many: fasterThan<LinearKernel>("aten", withoutMissing(many)),
    bfloat16: byRows(bfloat16, ["native", "tiles", "float32"]),
    bfloat16Training: byRows(bfloat16, ["native", "float32"]),
    attention: fasterThan<AttentionKernel>("fused", attention, 1.1),
    bfloat16Attention: fasterThan<Bfloat16Kernel>("native", bfloat16Attention, 1.1),
    bfloat16Gate: fasterThan<GateKernel>("fused", bfloat16Gate),
  };
}

const withoutMissing = ({ aten, onednn = Number.POSITIVE_INFINITY }: KernelTimes["few"]) => ({ aten, onednn });

/** The fastest of some kernels; a later one only where it is clearly faster. Between the measurements times lie on lines. */
function byRows(times: KernelTimes["bfloat16"], kernels: readonly Bfloat16Product[]): ByRows {
  const msOf = (kernel: Bfloat16Product, rows: number): number => {
    const [from, to] = rows < BFLOAT16_ROWS.some ? (["few", "some"] as const) : (["some", "many"] as const);
    const [first, last] = [times[from][kernel], times[to][kernel]];
    if (first === undefined || last === undefined) return Number.POSITIVE_INFINITY;
    const share = (rows - BFLOAT16_ROWS[from]) / (BFLOAT16_ROWS[to] - BFLOAT16_ROWS[from]);
    return Math.max(0, first + (last - first) * share);
  };
  const fastest = (rows: number): Bfloat16Product =>
    kernels.reduce((best, next) => (msOf(next, rows) * BFLOAT16_MARGINS[next] < msOf(best, rows) ? next : best));
  const found: { from: number; kernel: Bfloat16Product }[] = [];
  for (let rows = 1; rows <= BFLOAT16_ROWS.many; rows++) {
    const kernel = fastest(rows);
    if (found.at(-1)?.kernel !== kernel) found.push({ from: rows, kernel });
  }
  return found;
}

const SETTINGS = [
  "plain",
  "aten",
  "onednn",
  "bfloat16-native",
  "bfloat16-float32",
  "bfloat16-tiles",
  "attention-fused",
  "attention-products",
  "attention-each",
  "head-whole",
  "unfused",
  "graphs",
] as const;
type Setting = (typeof SETTINGS)[number];

const OPPOSITES = [
  ["aten", "onednn"],
  ["bfloat16-native", "bfloat16-float32"],
  ["bfloat16-native", "bfloat16-tiles"],
  ["bfloat16-float32", "bfloat16-tiles"],
  ["attention-fused", "attention-products"],
] as const;

/** What REDIFF_KERNELS says. @throws UserError for other words than those, and for two that exclude each other */
export function kernelSettings(value = process.env.REDIFF_KERNELS): ReadonlySet<Setting> {
  const words = (value ?? "").split(",").filter((word) => word.trim() !== "");
  const settings = new Set(
    words.map((word) => {
      const setting = SETTINGS.find((name) => name === word.trim());
      if (setting === undefined)
        throw new UserError(`REDIFF_KERNELS is "${value}"`, `Use one or more of ${SETTINGS.join(", ")}, or unset it.`);
      return setting;
    }),
  );
  const pair = OPPOSITES.find(([one, other]) => settings.has(one) && settings.has(other));
  if (pair !== undefined)
    throw new UserError(`REDIFF_KERNELS is "${value}"`, `Leave out one of ${pair.join(" and ")}.`);
  return settings;
}

let times: KernelTimes | undefined;
let keepingProblem: string | undefined;

/** The times of this processor, measured where that was not done yet. Loads libtorch.
 *  @param anew measures again, for all processes that begin after this */
export function kernelTimes({ anew = false } = {}): KernelTimes & { problem?: string } {
  if (anew || times === undefined) {
    const kept = anew ? undefined : readTimes();
    if (kept !== undefined) times = kept;
    else ({ times, problem: keepingProblem } = keepTimes(measureKernels(), { replace: anew }));
  }
  return { ...times, ...(keepingProblem !== undefined && { problem: keepingProblem }) };
}

let settings: ReadonlySet<Setting> | undefined;
let measured: KernelChoice | undefined;
const isSet = (setting: Setting): boolean => {
  settings ??= kernelSettings();
  return settings.has(setting);
};

const choice = (): KernelChoice => {
  measured ??= chosenKernels(kernelTimes());
  return measured;
};

/** Measures now what a first forward pass would stop for, where that was not done yet and nothing is forced. */
export function settleKernels(): void {
  settings ??= kernelSettings();
  if ([...settings].every((setting) => setting === "graphs")) choice();
}

/** Whether REDIFF_KERNELS asks for libtorch's own operators only. */
export const isSetPlain = (): boolean => isSet("plain");

/** Whether it asks for all logits of the head at once. */
export const isSetHeadWhole = (): boolean => isSet("head-whole");

/** Whether it asks for elementwise operators one by one. */
export const isSetUnfused = (): boolean => isSet("unfused");

/** Whether it asks for passes that are captured once and replayed, on devices that can. */
export const isSetGraphs = (): boolean => isSet("graphs");

/** Whether it asks for each sequence's attention apart, and for grouped heads repeated. */
export const isSetAttentionEach = (): boolean => isSet("attention-each");

/** For a float32 product on the CPU. */
export function linearKernelFor(rows: number): LinearKernel {
  if (isSet("aten") || !hasOneDnn()) return "aten";
  if (isSet("onednn")) return "onednn";
  return rows >= MANY_FROM ? choice().many : choice().few;
}

/** For a bfloat16 product on the CPU.
 *  @param isInference whether the addon's kernel may be taken, which has no gradients */
export function bfloat16ProductFor(rows: number, isInference: boolean): Bfloat16Product {
  if (isSet("bfloat16-native")) return "native";
  if (isSet("bfloat16-float32")) return "float32";
  if (isSet("bfloat16-tiles")) return isInference ? "tiles" : "native";
  const { bfloat16, bfloat16Training } = choice();
  const kernels = isInference ? bfloat16 : bfloat16Training;
  return kernels.findLast(({ from }) => rows >= from)?.kernel ?? "native";
}

/** For float32 without a mask on the CPU, while nothing is recorded. */
export function attentionKernel(): AttentionKernel {
  if (isSet("attention-fused")) return "fused";
  if (isSet("attention-products")) return "products";
  return choice().attention;
}

/** Whether attention in bfloat16 without a mask on the CPU, while nothing is recorded, goes by way of float32. */
export function widensAttention(rows: number): boolean {
  if (isSet("bfloat16-native")) return false;
  if (isSet("bfloat16-float32")) return true;
  return rows >= MANY_FROM && choice().bfloat16Attention === "float32";
}

/** Whether silu(gate) * up in bfloat16 on the CPU is the addon's. */
export const isBfloat16GateFused = (): boolean => choice().bfloat16Gate === "fused";

/** How many threads are the fastest, as far as that was worth measuring. */
export function threadsOf({ threads }: KernelTimes): number | undefined {
  const usual = Math.max(...threads.map((one) => one.threads));
  const times = Object.fromEntries(threads.map(({ threads, ms }) => [String(threads), ms]));
  return threads.length < 2 ? undefined : Number(fasterThan(String(usual), times, 1.15));
}

/** Takes that many, unless somebody has decided already: libtorch's default is one per core. */
export function useFastestThreads(environment: NodeJS.ProcessEnv = process.env): void {
  const isDecided = ["OMP_NUM_THREADS", "MKL_NUM_THREADS"].some((name) => environment[name]);
  if (isDecided || getThreads() <= 2) return;
  const threads = threadsOf(kernelTimes());
  if (threads !== undefined && threads < getThreads()) setThreads(threads);
}

/** Times that of float32 at which this processor multiplies bfloat16 matrices of many rows in its own way; the dtype of a
 *  model that is to be fast is bfloat16 where it is well above 1. */
export function bfloat16Rate(kept: KernelTimes = kernelTimes()): number {
  const floatMs = Math.min(kept.many.aten, kept.many.onednn ?? Number.POSITIVE_INFINITY);
  return floatMs / kept.bfloat16.many.native; // of as many rows
}
