/** Reads what test/make-fixtures.py wrote: calls with what Python's torch computed for them. */
import { readFileSync } from "node:fs";
import { fromBuffer } from "../create.js";
import type { DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";

export interface Fixture<Case> {
  /** The torch that computed them. */
  torch: string;
  cases: Case[];
}

interface EncodedTensor {
  dtype: DType;
  shape: number[];
  data: (number | string | boolean)[];
}

export function readFixture<Case>(name: string): Fixture<Case> {
  const text = readFileSync(new URL(`../../test/${name}`, import.meta.url), "utf8");
  const [head, ...cases] = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  return { ...(head as { torch: string }), cases: cases as Case[] };
}

/** A value of the files as `call` takes it. */
export function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (value === "nan" || value === "inf" || value === "-inf") return special(value);
  if (typeof value !== "object" || value === null) return value;
  if ("tensor" in value) return decodeTensor(value.tensor as EncodedTensor);
  if ("dtype" in value) return value.dtype;
  if ("format" in value) return value.format;
  throw new Error(`unknown value in a fixture: ${JSON.stringify(value)}`);
}

function special(value: number | string | boolean): number {
  if (value === "nan") return Number.NaN;
  if (value === "inf") return Number.POSITIVE_INFINITY;
  if (value === "-inf") return Number.NEGATIVE_INFINITY;
  return Number(value);
}

function decodeTensor({ dtype, shape, data }: EncodedTensor): Tensor {
  if (dtype === "int64") return fromBuffer(new BigInt64Array(data.map((x) => BigInt(x))), shape);
  return fromBuffer(new Float64Array(data.map(special)), shape)
    .to({ dtype })
    .clone();
}

/** Differences between what was computed here and what a fixture expects, as text; "" when there are none. */
export function difference(found: unknown, expected: unknown, where = "result"): string {
  if (Array.isArray(expected)) {
    if (!Array.isArray(found) || found.length !== expected.length)
      return `${where} is not a list of ${expected.length}`;
    for (let i = 0; i < expected.length; i++) {
      const text = difference(found[i], expected[i], `${where}[${i}]`);
      if (text !== "") return text;
    }
    return "";
  }
  if (typeof expected === "object" && expected !== null && "tensor" in expected)
    return tensorDifference(found as Tensor, expected.tensor as EncodedTensor, where);
  const value = decode(expected);
  return Object.is(found ?? null, value) ? "" : `${where} is ${String(found)}, expected ${String(value)}`;
}

/** Relative and absolute: kernels of other versions and processors may round differently, not more. */
const TOLERANCE: Partial<Record<DType, [number, number]>> = {
  float64: [1e-12, 1e-12],
  float32: [2e-6, 1e-6],
  float16: [2e-3, 1e-4],
  bfloat16: [1.6e-2, 1e-3],
};

function tensorDifference(found: Tensor, expected: EncodedTensor, where: string): string {
  if (found?.shape === undefined) return `${where} is not a tensor`;
  if (found.dtype !== expected.dtype) return `${where} is ${found.dtype}, expected ${expected.dtype}`;
  if (found.shape.join() !== expected.shape.join())
    return `${where} has shape [${found.shape.join()}], expected [${expected.shape.join()}]`;
  const values = expected.dtype === "int64" ? Array.from(found.data("int64"), String) : found.toNumbers();
  const [relative, absolute] = TOLERANCE[expected.dtype] ?? [0, 0];
  for (let i = 0; i < values.length; i++) {
    const [value, wanted] = [values[i] ?? 0, expected.data[i] ?? 0];
    if (
      expected.dtype === "int64" ? value === String(wanted) : close(Number(value), special(wanted), relative, absolute)
    )
      continue;
    return `${where}, element ${i}: ${value}, expected ${wanted}`;
  }
  return "";
}

function close(found: number, wanted: number, relative: number, absolute: number): boolean {
  if (Object.is(found, wanted) || found === wanted) return true;
  return Math.abs(found - wanted) <= absolute + relative * Math.abs(wanted);
}
