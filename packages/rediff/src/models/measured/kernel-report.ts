/** What was measured of kernels, and what is chosen, in lines for people. */
import {
  availableDevices,
  type Device,
  type Float8Scaling,
  getThreads,
  pinsUploads,
  quantizedKernels,
  requireFloat8,
} from "@rediff/torch";
import { hasFlash } from "./flash-attention.js";
import {
  type Bfloat16Product,
  type ByRows,
  bfloat16Rate,
  chosenKernels,
  kernelSettings,
  threadsOf,
} from "./kernel-choice.js";
import { BFLOAT16_ROWS, FEW_ROWS, MANY_ROWS } from "./kernel-times.js";
import type { LinearKernel } from "./products.js";
import type { KernelTimes } from "./times-file.js";
import { usualDtype } from "./usual-dtype.js";

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
    ["bfloat16", bfloat16Text(times, chosen.bfloat16)],
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

/** What each device beside the CPU takes, found by trying it: the dtype of models, how prompts of different lengths attend, how what is sent to it
 *  gets there, and products in float8. What could not be found out is told as well. */
export function deviceLines(devices: readonly Device[] = availableDevices()): [name: string, text: string][] {
  return devices
    .filter((device) => device !== "cpu")
    .flatMap((device) => [
      [`${device} dtype`, told(() => dtypeText(device))],
      [`${device} attention`, told(() => attentionText(device))],
      [`${device} uploads`, told(() => uploadsText(device))],
      [`${device} float8`, told(() => float8Text(device))],
    ]);
}

function told(text: () => string): string {
  try {
    return text();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function dtypeText(device: Device): string {
  const { dtype, note } = usualDtype(device, false);
  return note === undefined ? `models are computed in ${dtype} where none is named` : note;
}

function attentionText(device: Device): string {
  const { dtype, headWidth } = USUAL;
  return hasFlash(device, dtype, headWidth)
    ? `several prompts attend in one call (${dtype}, heads of ${headWidth})`
    : `prompts attend one after the other: no flash attention in ${dtype} for heads of ${headWidth}`;
}

const uploadsText = (device: Device): string =>
  pinsUploads(device)
    ? "by way of pinned memory, and wait for nothing"
    : "as the host's memory is: there is none pinned";

const SCALED: Record<Float8Scaling, string> = { rows: "within the product", after: "in a pass of their own" };

function float8Text(device: Device): string {
  const { float32, bfloat16 } = requireFloat8(device);
  return `scales are applied ${SCALED[bfloat16]} in bfloat16, ${SCALED[float32]} in float32`;
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

const WAYS: Record<Bfloat16Product, string> = {
  native: "as they are",
  float32: "by way of float32",
  tiles: "by way of float32 tile by tile",
};

function bfloat16Text(times: KernelTimes, chosen: ByRows): string {
  const rate = `this processor's own at ${bfloat16Rate(times).toFixed(2)} times the rate of float32`;
  const parts = chosen.map(({ from, kernel }) => `${from === 1 ? "" : `from ${from} rows on `}${WAYS[kernel]}`);
  const { native, [chosen.at(-1)?.kernel ?? "native"]: last = native } = times.bfloat16.many;
  const gain = last === native ? "" : `, ${(native / last).toFixed(1)} times as fast at ${BFLOAT16_ROWS.many} rows`;
  return `products ${parts.join(", ")}${gain}; ${rate}`;
}
