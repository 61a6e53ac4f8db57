import { expect, test } from "vitest";
import type { DecodeStep } from "../../diffusion/decode-step.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { LiveText, wrap } from "./live-text.js";

/** Ids are characters. */
const tokenizer = {
  special: { mask: 0, eot: 1, eos: 2 },
  decode: (ids: ArrayLike<number>) => String.fromCharCode(...Array.from(ids)),
} as unknown as Tokenizer;

function step(text: string): DecodeStep {
  const tokens = Int32Array.from(text, (sign) => sign.charCodeAt(0));
  return { tokens, filled: [], revised: [] } as unknown as DecodeStep;
}

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
