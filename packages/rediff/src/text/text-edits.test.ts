/** Edits of a text from changes of its tokens: applied to the text as it was typed they give the new one. */
import fc from "fast-check";
import { beforeAll, describe, expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { folderOfFile } from "../testing/folders.js";
import { alignText } from "./alignment/aligned-text.js";
import { writeWordTokenizer } from "./testing/word-tokenizer.js";
import { alignedEdits, applyEdits } from "./text-edits.js";
import { loadTokenizer, type Tokenizer } from "./tokenizer.js";

const { path: root } = folderOfFile();
let words: Tokenizer;
beforeAll(async () => {
  writeWordTokenizer(root);
  words = await loadTokenizer(root);
});

/** The draft with some of its words replaced, each by one of the vocabulary. */
function replaced(tokenizer: Tokenizer, typed: string, changes: Record<string, string>) {
  const draft = alignText(tokenizer, typed, { words: true });
  const after = draft.ids.map((id, i) => {
    const span = draft.spans[i] as { start: number; end: number };
    const other = changes[typed.slice(span.start, span.end)];
    return other === undefined ? id : (tokenizer.encodeText(other)[0] as number);
  });
  const made = alignedEdits(
    tokenizer,
    draft,
    after,
    after.map(() => 0.5),
  );
  expect(applyEdits(typed, made.edits)).toBe(made.text);
  for (const { start, end, from } of made.edits) expect(typed.slice(start, end)).toBe(from);
  return { ...made, unread: draft.unread.map(({ text }) => text) };
}

describe("a byte-level vocabulary", () => {
  const edited = (tokenizer: Tokenizer, typed: string, after: number[], confidence: number[]) =>
    alignedEdits(tokenizer, alignText(tokenizer, typed), after, confidence);

  test("neighbours that changed are one edit, as sure as the least sure of them", ({ tokenizer }) => {
    const [before, after] = [tokenizer.encode("a dog sat there"), tokenizer.encode("a dog sat there")];
    const [first, second] = [1, 2];
    after[first] = tokenizer.encode(" cat")[0] as number;
    after[second] = tokenizer.encode("s")[0] as number;
    const confidence = before.map((_, i) => (i === first ? 0.9 : 0.7));
    const { text, edits } = edited(tokenizer, "a dog sat there", after, confidence);
    expect(text).toBe(tokenizer.decode(after));
    expect(edits).toHaveLength(1);
    expect(edits[0]?.confidence).toBe(0.7);
    expect(applyEdits(tokenizer.decode(before), edits)).toBe(text);
  });

  test("tokens that cut a character: whole characters are edited, no half of one", ({ tokenizer }) => {
    const before = tokenizer.encode("x\u{1f600}y");
    const after = tokenizer.encode("x\u{1f609}y");
    expect(after).toHaveLength(before.length);
    const { text, edits } = edited(tokenizer, "x\u{1f600}y", after, Array(before.length).fill(0.5));
    expect(text).toBe("x\u{1f609}y");
    expect(edits).toEqual([{ start: 1, end: 3, from: "\u{1f600}", to: "\u{1f609}", confidence: 0.5 }]);
  });

  test("no change, no edit", ({ tokenizer }) => {
    expect(edited(tokenizer, "a dog", tokenizer.encode("a dog"), [1, 1, 1])).toEqual({ text: "a dog", edits: [] });
  });

  test("whatever is written: the text is what its tokens say, and edits in order lead there", ({ tokenizer }) => {
    const ids = fc.array(fc.nat(tokenizer.length - 9), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 12 }), ids, (typed, other) => {
        const before = tokenizer.encodeText(typed);
        const after = before.map((id, i) => (i % 3 === 0 ? id : (other[i] ?? id)));
        const { text, edits } = edited(
          tokenizer,
          typed,
          after,
          before.map(() => 0.5),
        );
        expect(text).toBe(tokenizer.decode(after));
        expect(applyEdits(typed, edits)).toBe(text);
        let end = 0;
        for (const edit of edits) {
          expect(edit.start).toBeGreaterThanOrEqual(end);
          expect(typed.slice(edit.start, edit.end)).toBe(edit.from);
          end = edit.end;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("a vocabulary of words", () => {
  test("case, spacing, line breaks and unread words stay, a word takes over the case of the one it replaces", () => {
    const typed = "There is a Dog  at the TOP left.\r\n\r\nAnd a zebra \u{1f993}! \t";
    const { text, edits, unread } = replaced(words, typed, { Dog: "cat", TOP: "bottom", There: "two" });
    expect(text).toBe("Two is a Cat  at the BOTTOM left.\r\n\r\nAnd a zebra \u{1f993}! \t");
    expect(edits.map(({ from, to }) => [from, to])).toEqual([
      ["There", "Two"],
      ["Dog", "Cat"],
      ["TOP", "BOTTOM"],
    ]);
    expect(unread).toEqual(["zebra", "\u{1f993}"]);
  });

  test("a single capital is a word's beginning, or loud among loud words", () => {
    expect(replaced(words, "A dog", { A: "two" }).text).toBe("Two dog");
    expect(replaced(words, "A DOG", { A: "two" }).text).toBe("TWO DOG");
    expect(replaced(words, "a dog", { a: "two" }).text).toBe("two dog");
  });

  test("signs stand close where they come, and words apart where signs go", () => {
    expect(replaced(words, "a dog is red", { is: "," }).text).toBe("a dog, red");
    expect(replaced(words, "a dog, red", { ",": "is" }).text).toBe("a dog is red");
    expect(replaced(words, "a dog\nis red", { is: "," }).text).toBe("a dog\n, red");
  });

  test("two words that come for signs without a space do not run together", () => {
    const { text, edits } = replaced(words, "a dog. ,red", { ".": "is", ",": "has" });
    expect(text).toBe("a dog is has red");
    expect(edits.map(({ from, to }) => [from, to])).toEqual([[". ,", " is has "]]);
    expect(replaced(words, "a dog .,red", { ".": "is" }).text).toBe("a dog is,red");
  });

  test("neighbours with a plain space between them are one edit, with a line break two", () => {
    const changes = { dog: "cat", is: "has" };
    expect(replaced(words, "a dog is red", changes).edits.map(({ to }) => to)).toEqual(["cat has"]);
    expect(replaced(words, "a dog\nis red", changes).edits.map(({ to }) => to)).toEqual(["cat", "has"]);
  });

  test("a caption as the vocabulary writes it becomes what its new tokens say", () => {
    const caption = fc.array(fc.constantFrom("a", "dog", "cat", ".", ",", "two", "dogs", "are"), { minLength: 1 });
    fc.assert(
      fc.property(caption, caption, (typed, other) => {
        const text = words.decode(words.encode(typed.join(" ")));
        const ids = words.encodeText(text);
        const after = ids.map((id, i) => (other[i] === undefined ? id : (words.encodeText(other[i])[0] as number)));
        const draft = alignText(words, text, { words: true });
        expect(draft.ids).toEqual(ids);
        expect(alignedEdits(words, draft, after, after).text).toBe(words.decode(after));
      }),
      { numRuns: 300 },
    );
  });
});

test("thousands of changes take time in proportion", ({ tokenizer }) => {
  const draft = alignText(tokenizer, "!?".repeat(20_000));
  const after = draft.ids.map((_, i) => draft.ids[i + 1] ?? draft.ids[0] ?? 0);
  const started = performance.now();
  const { edits } = alignedEdits(tokenizer, draft, after, new Float32Array(after.length).fill(1));
  expect(edits.length).toBeGreaterThan(0);
  expect(performance.now() - started, "wide: with a copy of all tokens for each, it takes minutes").toBeLessThan(
    20_000,
  );
});
