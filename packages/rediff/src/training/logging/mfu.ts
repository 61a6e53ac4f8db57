/** Model FLOPs utilisation: the operations that the model's mathematics asks for, over what the machine could do at its
 *  best in the same time (PaLM, arXiv 2204.02311, appendix B). Recomputation counts as nothing gained. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunFacts } from "../run/run-report.js";

/** Dense peak of 16-bit products with 32-bit sums, in 1e12 operations a second, by the maker's data sheets. The first
 *  name that is a part of the device's counts, so the longer ones come first. */
const PEAK_TFLOPS: readonly (readonly [name: string, tflops: number])[] = [
  ["B200", 2250],
  ["GH200", 989],
  ["H200", 989],
  ["H100 PCIe", 756],
  ["H100 NVL", 835],
  ["H100", 989],
  ["H800", 989],
  ["H20", 148],
  ["A100", 312],
  ["A800", 312],
  ["A40", 150],
  ["A30", 165],
  ["A10G", 70],
  ["A10", 125],
  ["L40S", 362],
  ["L40", 181],
  ["L4", 121],
  ["RTX 6000 Ada", 364],
  ["RTX 5090", 210],
  ["RTX 4090", 165],
  ["RTX 3090", 71],
];

/** Operations a second that a device of this name can do on 16-bit floats; undefined when the name is not known. */
export function knownPeak(deviceName: string): number | undefined {
  const words = ` ${deviceName.replaceAll("-", " ")} `;
  const tflops = PEAK_TFLOPS.find(([name]) => words.includes(` ${name} `))?.[1];
  return tflops === undefined ? undefined : tflops * 1e12;
}

/** The graphics card's name, from the driver; undefined for a CPU, and on machines with cards of several kinds, where
 *  this does not know which one is meant. */
export function deviceName(device: string, root = "/proc/driver/nvidia/gpus"): string | undefined {
  if (!device.startsWith("cuda") || !existsSync(root)) return undefined;
  const names = readdirSync(root).map((card) => {
    const file = join(root, card, "information");
    return existsSync(file) ? /^Model:\s*(.+?)\s*$/m.exec(readFileSync(file, "utf8"))?.[1] : undefined;
  });
  return new Set(names).size === 1 ? names[0] : undefined;
}

export interface PeakOptions {
  device: string;
  dtype: string;
  /** What the user says, in 1e12 operations a second. */
  given?: number | undefined;
}

/** The peak that a run is measured against, in operations a second: what was given, or else what is known of the device
 *  in 16 bits. */
export function peakFlops({ device, dtype, given }: PeakOptions): number | undefined {
  if (given !== undefined) return given * 1e12;
  if (dtype !== "bfloat16" && dtype !== "float16") return undefined;
  const name = deviceName(device);
  return name === undefined ? undefined : knownPeak(name);
}

/** In [0, 1] or so; undefined without a peak. */
export function mfu(
  tokens: number,
  seconds: number,
  flopsPerToken: number,
  peak: number | undefined,
): number | undefined {
  return peak === undefined || seconds <= 0 ? undefined : (tokens * flopsPerToken) / seconds / peak;
}

/** What a log needs for MFU: the run's operations for each token and the peak it is measured against, which are known
 *  once the run starts. */
export class MfuMeter {
  #flopsPerToken = 0;
  #peak: number | undefined;

  /** @param peakTflops what the user says, in 1e12 operations a second */
  constructor(private readonly peakTflops: number | undefined) {}

  start({
    flopsPerToken,
    device,
    dtype,
    processes = 1,
  }: Pick<RunFacts, "flopsPerToken" | "device" | "dtype"> & Partial<Pick<RunFacts, "processes">>): void {
    this.#flopsPerToken = flopsPerToken;
    const peak = peakFlops({ device, dtype, given: this.peakTflops });
    // Each process has a GPU of its own, and tokens are those of all.
    this.#peak = peak === undefined ? undefined : peak * processes;
  }

  /** In [0, 1] or so; undefined without a peak. */
  of(tokens: number, seconds: number): number | undefined {
    return mfu(tokens, seconds, this.#flopsPerToken, this.#peak);
  }
}
