/** Edits of a text from changes of its tokens: applied to the old text they give the new one, whatever the tokens. */
import fc from "fast-check";
import { describe, expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { applyEdits, textEdits } from "./text-edits.js";

describe("textEdits", () => {
  test("neighbours that changed are one edit, as sure as the least sure of them", ({ tokenizer }) => {
    const [before, after] = [tokenizer.encode("a dog sat there"), tokenizer.encode("a dog sat there")];
    const [first, second] = [1, 2];
    after[first] = tokenizer.encode(" cat")[0] as number;
    after[second] = tokenizer.encode("s")[0] as number;
    const confidence = before.map((_, i) => (i === first ? 0.9 : 0.7));
    const { text, edits } = textEdits(tokenizer, before, after, confidence);
    expect(text).toBe(tokenizer.decode(after));
    expect(edits).toHaveLength(1);
    expect(edits[0]?.confidence).toBe(0.7);
    expect(applyEdits(tokenizer.decode(before), edits)).toBe(text);
  });

  test("tokens that cut a character: one edit from the first to the last difference", ({ tokenizer }) => {
    const before = tokenizer.encode("x\u{1f600}y");
    const after = tokenizer.encode("x\u{1f609}y");
    expect(after).toHaveLength(before.length);
    const { text, edits } = textEdits(tokenizer, before, after, Array(before.length).fill(0.5));
    expect(text).toBe("x\u{1f609}y");
    expect(applyEdits("x\u{1f600}y", edits)).toBe(text);
    expect(edits).toHaveLength(1);
    const [edit] = edits;
    expect("x\u{1f600}y".slice(edit?.start, edit?.end)).toBe(edit?.from);
  });

  test("no change, no edit", ({ tokenizer }) => {
    const ids = tokenizer.encode("a dog");
    expect(textEdits(tokenizer, ids, [...ids], [1, 1, 1])).toEqual({ text: "a dog", edits: [] });
  });

  test("whatever changes: edits in order, of what is there, that give the new text", ({ tokenizer }) => {
    const ids = fc.array(fc.nat(tokenizer.length - 9), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(ids, ids, (before, other) => {
        const after = before.map((id, i) => (i % 3 === 0 ? id : (other[i] ?? id)));
        const old = tokenizer.decode(before);
        const { text, edits } = textEdits(
          tokenizer,
          before,
          after,
          before.map(() => 0.5),
        );
        expect(text).toBe(tokenizer.decode(after));
        expect(applyEdits(old, edits)).toBe(text);
        let end = 0;
        for (const edit of edits) {
          expect(edit.start).toBeGreaterThanOrEqual(end);
          expect(old.slice(edit.start, edit.end)).toBe(edit.from);
          end = edit.end;
        }
      }),
      { numRuns: 500 },
    );
  });
});
