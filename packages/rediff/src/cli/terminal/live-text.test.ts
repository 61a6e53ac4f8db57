import { expect, test } from "vitest";
import type { DecodeStep } from "../../diffusion/decode-step.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { LiveText, styledRuns, wrap } from "./live-text.js";

/** Ids are characters; 0 is the mask, 1 the end of the turn, 2 that of the text. */
const tokenizer = {
  special: { mask: 0, eot: 1, eos: 2 },
  decode: (ids: ArrayLike<number>) => String.fromCharCode(...Array.from(ids)),
} as unknown as Tokenizer;

function step(text: string, filled: number[] = [], revised: number[] = []): DecodeStep {
  const tokens = Int32Array.from(text, (sign) => (sign === "_" ? 0 : sign === "|" ? 1 : sign.charCodeAt(0)));
  return { tokens, filled, revised: revised.map((position) => ({ position })) } as unknown as DecodeStep;
}

test("runs of masks, of what was filled, of what was revised, up to the end of the turn", () => {
  expect(styledRuns(tokenizer, step("ab_cd__e|f_", [3, 4], [0]))).toEqual([
    { style: "revised", text: "a" },
    { style: "plain", text: "b" },
    { style: "mask", text: "\u2591" },
    { style: "filled", text: "cd" },
    { style: "mask", text: "\u2591\u2591" },
    { style: "plain", text: "e" },
  ]);
});

test("words that are joined by spaces keep them at the borders of runs", () => {
  const words = { ...tokenizer, decode: (ids: ArrayLike<number>) => Array.from(ids, (id) => `w${id}`).join(" ") };
  const tokens = Int32Array.of(3, 4, 0, 0, 5, 6);
  const seen = { tokens, filled: [5], revised: [] } as unknown as DecodeStep;
  expect(styledRuns(words, seen).map(({ text }) => text)).toEqual(["w3 w4", " \u2591\u2591", " w5", " w6"]);
});

test("lines break at the width, each with its own colours, and control characters do no harm", () => {
  const runs = [
    { style: "plain", text: "abc" },
    { style: "filled", text: "defg\nh\x1b[2J" },
  ] as const;
  const lines = wrap(runs, 4);
  const bold = (text: string) => `\x1b[1m${text}\x1b[22m`;
  expect(lines).toEqual([`abc${bold("d")}`, bold("efg"), bold("h\u00b7[2"), bold("J")]);
});

test("each drawing takes the place of the last one, and leaves room on a small terminal", () => {
  const written: string[] = [];
  const stream = { columns: 21, rows: 5, write: (text: string) => written.push(text) };
  const live = new LiveText(stream, tokenizer);
  live.draw(step("a".repeat(30)));
  expect(written).toEqual([`${"a".repeat(20)}\n${"a".repeat(10)}`]);
  live.draw(step("a".repeat(90)));
  expect(written.slice(1)).toEqual([
    "\r\x1b[K\x1b[1A\x1b[K",
    `${"a".repeat(20)}\n${"a".repeat(20)}\n${"a".repeat(10)}`, // the last three of five lines
  ]);
  live.clear();
  live.clear();
  expect(written.slice(3)).toEqual(["\r\x1b[K\x1b[1A\x1b[K\x1b[1A\x1b[K"]);
});

test("a terminal that says it has no size", () => {
  const written: string[] = [];
  new LiveText({ columns: 0, rows: 0, write: (text) => written.push(text) }, tokenizer).draw(step("a".repeat(79)));
  expect(written).toEqual(["a".repeat(79)]);
});
