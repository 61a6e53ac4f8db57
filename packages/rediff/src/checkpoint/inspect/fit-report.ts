/** What fits this machine, as a table for people, and as JSON. */
import { formatDuration } from "../../units.js";
import { gib } from "../memory.js";
import { type Fit, type FitRow, REFRESH_EVERY } from "./fit.js";

const FITS: Record<FitRow["fits"], string> = { whole: "yes", mapped: "from disk", no: "no" };

export function fitText(fit: Fit): string {
  const { processor, threads, available, promptTokens, genLength, steps } = fit;
  const heading = ["setting", "memory", "fits", "pass", "cached step", "answer", "with a cache", "batch"];
  const rows = fit.rows.map((row) => [
    settingText(row),
    gib(row.memory),
    FITS[row.fits],
    secondsText(row.pass),
    secondsText(row.cachedStep),
    secondsText(row.answer),
    secondsText(row.cachedAnswer),
    row.fits === "no" ? "-" : String(Math.max(1, Math.min(row.batch, 64))),
  ]);
  const widths = heading.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return [
    `${processor}; ${threads} threads; ${gib(available)} available. Prompt ${promptTokens} tokens, answer ${genLength} in ${steps} steps.`,
    "",
    line(heading),
    ...rows.map(line),
    "",
    "Measured on one layer of random weights, multiplied; the machine as busy as it is now. Rounded weights (int8, int4) and",
    `caches are approximate; "with a cache" is one whole pass in ${REFRESH_EVERY} and one at the end. "from disk": weights that do not fit are`,
    "read again in every pass, which takes longer than said here. Memory is that of one request, batch how many fit together.",
  ].join("\n");
}

const settingText = ({ dtype, quantize }: FitRow): string =>
  quantize === undefined ? `--dtype ${dtype}` : `--quantize ${quantize} --dtype ${dtype}`;

const secondsText = (seconds: number): string =>
  seconds < 100 ? `${seconds.toFixed(seconds < 1 ? 2 : 1)} s` : formatDuration(seconds);

/** The reference's way of names. */
export function fitJson(fit: Fit): Record<string, unknown> {
  const { processor, threads, available, promptTokens, genLength, steps, tiles } = fit;
  return {
    ...{ processor, threads, available, prompt_tokens: promptTokens, tiles, gen_length: genLength, steps },
    settings: fit.rows.map(({ dtype, quantize, cachedStep, cachedAnswer, ...row }) => ({
      ...{ dtype, quantize: quantize ?? null, ...row },
      ...{ cached_step: cachedStep, cached_answer: cachedAnswer },
    })),
  };
}
