import { expect, test } from "vitest";
import type { DecodeStep } from "../../diffusion/decode-step.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { styledRuns, withText } from "./step-text.js";

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

test("a step's text is made of all of them, each run decoded as a whole", () => {
  expect(withText(tokenizer, step("ab_cd__e|f_", [3, 4], [0])).text).toBe("ab\u2591cd\u2591\u2591e");
  const halves = {
    ...tokenizer,
    decode: (ids: ArrayLike<number>) => Buffer.from(Uint8Array.from(ids as number[])).toString(),
  };
  const bytes = Int32Array.from(Buffer.from("caf\u00e9"));
  const half = { tokens: bytes, filled: [4], revised: [] } as unknown as DecodeStep;
  expect(withText(halves as unknown as Tokenizer, half).text).toBe("caf\u00e9");
});
