/** Which processor this is, as far as kernels differ by it: its model, its instructions, and what the environment leaves of
 *  them to libtorch. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import os from "node:os";

export interface Processor {
  model: string;
  /** As Linux names them, sorted; empty where the system does not tell. */
  instructions: readonly string[];
}

/** With them, libtorch, oneDNN and MKL take the code of a lesser processor. */
const LIMITS = ["ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS"];

/** The instructions that decide how fast matrices are multiplied, best first. */
const TELLING = [
  "amx_bf16",
  "avx512_bf16",
  "avx512_vnni",
  "avx512f",
  "avx_vnni",
  "avx2",
  "bf16",
  "i8mm",
  "sve",
  "asimd",
];

export function processor(): Processor {
  return { model: os.cpus()[0]?.model.trim() || process.arch, instructions: instructionsIn(cpuinfo()) };
}

/** @param text of Linux' /proc/cpuinfo */
export function instructionsIn(text: string): string[] {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.trim() ?? "";
  return line === "" ? [] : line.split(/\s+/).sort();
}

/** `AMD EPYC, avx2`: as tables of figures name it. */
export function processorText({ model, instructions }: Processor = processor()): string {
  const telling = TELLING.filter((name) => instructions.includes(name));
  return [model, ...telling.slice(0, 3)].join(", ");
}

/** A name for this processor with this libtorch, fit for a file's. */
export function kernelsKey(torch: string, { model, instructions }: Processor = processor()): string {
  const limits = LIMITS.map((name) => process.env[name] ?? "");
  const told = JSON.stringify([process.platform, process.arch, model, instructions, limits, torch]);
  return createHash("sha256").update(told).digest("hex").slice(0, 16);
}

function cpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return ""; // not Linux
  }
}
