import fc from "fast-check";
import { expect, test } from "vitest";
import { applyEdits, checkEdits, type Edit, segmentsOf } from "./edits.js";

/** A draft with edits that do not overlap, in any order. */
const reviews = fc
  .tuple(
    fc.string({ maxLength: 40 }),
    fc.array(fc.tuple(fc.nat(40), fc.nat(6), fc.string({ maxLength: 6 })), { maxLength: 6 }),
  )
  .map(([draft, places]) => {
    const edits: Edit[] = [];
    let reached = 0;
    for (const [at, length, to] of places.sort(([a], [b]) => a - b)) {
      const start = Math.min(at, draft.length);
      const end = Math.min(start + length, draft.length);
      if (start < reached) continue;
      edits.push({ start, end, from: draft.slice(start, end), to, confidence: 0.5 });
      reached = end;
    }
    return { draft, edits };
  });

const draft = "a cat and two dogs.";
const edits: Edit[] = [
  { start: 2, end: 5, from: "cat", to: "dog", confidence: 0.9 },
  { start: 14, end: 18, from: "dogs", to: "cats", confidence: 0.8 },
];

test("accepted edits are applied, rejected ones are not", () => {
  expect(applyEdits(draft, edits, (index) => index === 1)).toBe("a cat and two cats.");
});

test("rejecting all gives the draft back, and what stays is between the edits", () => {
  fc.assert(
    fc.property(reviews, ({ draft, edits }) => {
      expect(applyEdits(draft, checkEdits(draft, edits.toReversed()), () => false)).toBe(draft);
    }),
  );
});

test("accepting all is replacing from the back", () => {
  fc.assert(
    fc.property(reviews, ({ draft, edits }) => {
      let expected = draft;
      for (const { start, end, to } of edits.toReversed())
        expected = expected.slice(0, start) + to + expected.slice(end);
      expect(applyEdits(draft, checkEdits(draft, edits), () => true)).toBe(expected);
      expect(segmentsOf(draft, edits).filter(({ kind }) => kind === "edit")).toHaveLength(edits.length);
    }),
  );
});

test("edits of another draft are refused", () => {
  expect(() => checkEdits("a dog", edits)).toThrow(/does not fit/);
  expect(() => checkEdits(draft, [edits[0]!, edits[0]!])).toThrow(/does not fit/);
});
