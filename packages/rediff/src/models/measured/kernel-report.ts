/** What was measured of kernels, and what is chosen, in lines for people. */
import { availableDevices, type Device, getThreads, quantizedKernels } from "@rediff/torch";
import { hasFlash } from "./flash-attention.js";
import { bfloat16Rate, chosenKernels, kernelSettings, threadsOf } from "./kernel-choice.js";
import { BFLOAT16_ROWS, FEW_ROWS, MANY_ROWS } from "./kernel-times.js";
import type { LinearKernel } from "./products.js";
import type { KernelTimes } from "./times-file.js";

const NAMES: Record<LinearKernel, string> = { aten: "libtorch's own", onednn: "oneDNN's" };

/** Name and text of each. */
export function kernelLines(
  times: KernelTimes & { problem?: string },
  settings: ReadonlySet<string> = kernelSettings(),
): [name: string, text: string][] {
  const chosen = chosenKernels(times);
  const forced = settings.size === 0 ? "" : `; REDIFF_KERNELS forces ${[...settings].join(", ")}`;
  const kept = times.problem === undefined ? "" : `; cannot be kept, so every process measures: ${times.problem}`;
  const threads = threadsOf(times);
  return [
    [
      "kernels",
      `measured ${times.measured.slice(0, 10)} on ${times.processor}, libtorch ${times.torch}${kept}${forced}`,
    ],
    ["float32", `${floatText(MANY_ROWS, times.many, chosen.many)}; ${floatText(FEW_ROWS, times.few, chosen.few)}`],
    ["bfloat16", bfloat16Text(times, chosen.float32From)],
    ["int8 and int4", `the kernel ${settings.has("plain") ? "plain" : quantizedKernels()[0]}`],
    [
      "attention",
      `${chosen.attention === "fused" ? "fused" : "by two products"} (${(times.attention.products / times.attention.fused).toFixed(2)} times the speed of two products if fused); bfloat16 ${bfloat16AttentionText(times, chosen.bfloat16Attention)}`,
    ],
    [
      "SwiGLU",
      `bfloat16 ${chosen.bfloat16Gate === "fused" ? "in one pass" : "by libtorch's operators"} (one pass at ${(times.bfloat16Gate.operators / times.bfloat16Gate.fused).toFixed(2)} times their speed); float32 in one pass`,
    ],
    [
      "threads",
      threads === undefined || threads >= getThreads()
        ? `${getThreads()}`
        : `${threads}, which is faster than ${getThreads()} (OMP_NUM_THREADS or --threads decides otherwise)`,
    ],
  ];
}

/** The shape that published models have. */
const USUAL = { dtype: "bfloat16", headWidth: 128 } as const;

/** How prompts of different lengths attend on each device beside the CPU, found by trying it. */
export function attentionLines(devices: readonly Device[] = availableDevices()): [name: string, text: string][] {
  const { dtype, headWidth } = USUAL;
  return devices
    .filter((device) => device !== "cpu")
    .map((device) => [
      device,
      hasFlash(device, dtype, headWidth)
        ? `several prompts attend in one call (${dtype}, heads of ${headWidth})`
        : `prompts attend one after the other: no flash attention in ${dtype} for heads of ${headWidth}`,
    ]);
}

/** `512 rows by oneDNN's products, 1.31 times the speed of libtorch's own` */
function floatText(rows: number, { aten, onednn }: KernelTimes["few"], chosen: LinearKernel): string {
  if (onednn === undefined) return `${rows} rows by ${NAMES.aten} products, the only ones`;
  const [own, other] = chosen === "aten" ? [aten, onednn] : [onednn, aten];
  const rest = NAMES[chosen === "aten" ? "onednn" : "aten"];
  return `${rows} rows by ${NAMES[chosen]} products, ${(other / own).toFixed(2)} times the speed of ${rest}`;
}

function bfloat16AttentionText({ bfloat16Attention: { native, float32 } }: KernelTimes, chosen: string): string {
  const [how, than] = chosen === "native" ? ["as it is", "by way of float32"] : ["by way of float32", "as it is"];
  const speed = chosen === "native" ? float32 / native : native / float32;
  return `${how} (${speed.toFixed(2)} times the speed of ${than})`;
}

function bfloat16Text(times: KernelTimes, float32From: number): string {
  const { native, float32 } = times.bfloat16.many;
  const rate = `this processor's own at ${bfloat16Rate(times).toFixed(2)} times the rate of float32`;
  if (float32From === Number.POSITIVE_INFINITY) return `products as they are, ${rate}`;
  const from = float32From <= 1 ? "" : ` from ${float32From} rows on`;
  return `products by way of float32${from}, ${(native / float32).toFixed(1)} times as fast at ${BFLOAT16_ROWS.many} rows; ${rate}`;
}
