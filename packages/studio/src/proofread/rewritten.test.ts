import { expect, test } from "vitest";
import type { Edit } from "./edits.js";
import { rewrittenSentences } from "./rewritten.js";

const draft = "A cat sits at 1.5 m. There are two red dogs. Yes.";

function edit(from: string, to: string, confidence: number): Edit {
  const start = draft.indexOf(from);
  return { start, end: start + from.length, from, to, confidence };
}

test("a sentence of which most words are others is told, with its least sure edit", () => {
  const edits = [edit("cat", "dog", 0.9), edit("There are two", "I see", 0.8), edit("dogs", "balls", 0.4)];
  expect(rewrittenSentences(draft, edits)).toEqual([
    { from: "There are two red dogs.", to: "I see red balls.", words: 5, changed: 4, confidence: 0.4 },
  ]);
});

test("single words and short cries are repairs", () => {
  expect(rewrittenSentences(draft, [edit("cat", "dog", 0.9), edit("Yes", "No", 0.9)])).toEqual([]);
  expect(rewrittenSentences("", [])).toEqual([]);
});

test("an edit over two sentences belongs to both", () => {
  const [first, second] = rewrittenSentences("a b c. d e f.", [
    { start: 0, end: 13, from: "a b c. d e f.", to: "", confidence: 0.5 },
  ]);
  expect([first?.to, first?.from, second?.changed]).toEqual(["", "a b c. d e f.", 3]);
});
