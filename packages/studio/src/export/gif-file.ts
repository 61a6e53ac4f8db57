/** A comparison as an animated GIF. */
import { applyPalette, GIFEncoder, quantize } from "gifenc";
import { blank } from "../scene/sprites.js";
import { drawFrame, frameSize } from "./frame.js";
import type { PlayedFile } from "./played-file.js";

/** Of longer runs some passes are left out. */
const MOST_FRAMES = 100;
const LAST_MS = 3_000;
/** Viewers show shorter ones as if they were longer. */
const LEAST_MS = 40;

/** Passes to show: the first, the last, and evenly between. */
export function shownPasses(length: number): number[] {
  const frames = Math.min(length + 1, MOST_FRAMES);
  return Array.from({ length: frames }, (_, i) => (frames === 1 ? length : Math.round((i * length) / (frames - 1))));
}

/** @param speed passes a second
 *  @param onFrame frames so far, and of how many */
export async function gifFile(
  file: PlayedFile,
  speed: number,
  onFrame: (done: number, all: number) => void,
): Promise<Blob> {
  const passes = shownPasses(Math.max(0, ...file.runs.map(({ trace }) => trace.steps.length)));
  const size = frameSize(blank(1, 1).context, file, passes);
  const { context } = blank(size.width, size.height);
  const pixels = (pass: number) => {
    drawFrame(context, file, size, pass);
    return context.getImageData(0, 0, size.width, size.height).data;
  };
  // The end has all colours that come, and the beginning those of masks.
  const [first, last] = [pixels(0), pixels(passes.at(-1) ?? 0)];
  const both = new Uint8ClampedArray(first.length + last.length);
  both.set(first);
  both.set(last, first.length);
  const palette = quantize(both, 128);
  const encoder = GIFEncoder();
  const delay = Math.max(LEAST_MS, 1000 / speed);
  for (const [i, pass] of passes.entries()) {
    const isLast = i === passes.length - 1;
    const index = applyPalette(pixels(pass), palette);
    const wait = isLast ? LAST_MS : delay;
    encoder.writeFrame(index, size.width, size.height, { delay: wait, ...(i === 0 && { palette, repeat: 0 }) });
    onFrame(i + 1, passes.length);
    await new Promise((resume) => setTimeout(resume)); // the page goes on
  }
  encoder.finish();
  return new Blob([encoder.bytes()], { type: "image/gif" });
}
