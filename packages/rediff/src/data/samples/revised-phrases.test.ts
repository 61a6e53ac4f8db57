import { describe, expect, test } from "vitest";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { defaultSystemText } from "../../text/chat-template.js";
import { labelConversation } from "../../text/labels.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { encodeInside, markRevisions } from "./revised-phrases.js";
import type { PhraseSearch } from "./sample-rules.js";

const tokenizer = await loadTokenizer(tokenizerFolder);

const row = (answer: string, question = "Is the dog big?") =>
  labelConversation(
    tokenizer,
    [
      { role: "user", content: question },
      { role: "assistant", content: answer },
    ],
    { hasImage: false, system: defaultSystemText },
  );

/** What the labels of the marked positions say, and where in the text they stand. */
function mark(answer: string, pairs: [string, string][], options: { search?: PhraseSearch; question?: string } = {}) {
  const labelled = row(answer, options.question);
  const spans = pairs.map(([org, target]) => ({ org, target }));
  const { ids, labels, revise, outcomes } = markRevisions(tokenizer, labelled, spans, { search: options.search });
  const marked = revise.flatMap((isMarked, i) => (isMarked ? [i] : []));
  return {
    outcomes,
    from: tokenizer.decode(marked.map((i) => ids[i]!)),
    to: tokenizer.decode(marked.map((i) => labels[i]!)),
    before: tokenizer.decode(ids.slice(0, marked[0] ?? 0)).slice(-12),
    labelled,
    labels,
  };
}

test("the fixture's dummy is several tokens, which is what the reference does not expect", () => {
  expect(tokenizer.encode("dummy").length).toBeGreaterThan(1);
  expect(encodeInside(tokenizer, "dog")).toEqual(tokenizer.encode(" dog"));
  // A digit's token has no space of its own.
  expect(encodeInside(tokenizer, "3 dogs")).toEqual(tokenizer.encode(" 3 dogs"));
});

describe("markRevisions", () => {
  test("marks the phrase and learns the target there, and only there", () => {
    const { outcomes, from, to, labelled, labels } = mark("There is a dog.", [["dog", "car"]]);
    expect([outcomes, from, to]).toEqual([["found"], " dog", " car"]);
    expect(labels.filter((label, i) => label !== labelled.labels[i])).toEqual(tokenizer.encode(" car"));
  });

  test("searches answers only; the reference finds the question's word first", () => {
    expect(mark("Yes, the dog is.", [["dog", "car"]]).before).toMatch(/Yes, the$/);
    expect(tokenizer.decode(markRevisions(tokenizer, row("a"), []).ids)).toContain("Is the dog big?");
    expect(mark("It is.", [["dog", "car"]]).outcomes).toEqual(["not_found"]);
  });

  test("finds a phrase without a space before it: at the start, after a line break, in brackets", () => {
    for (const answer of ["The man is here.", "See:\nThe man", "A (The man) x"]) {
      expect(mark(answer, [["The man", "The dog"]]).outcomes).not.toEqual(["not_found"]);
    }
    const { from, to } = mark("man and dog", [["man", "ion"]]);
    expect([from, to]).toEqual(["man", "ion"]);
  });

  test("does not take the middle of a word, and prefers whole words", () => {
    expect(tokenizer.encode("dogman")).toContain(tokenizer.encode("man")[0]);
    expect(mark("dogman", [["man", "ion"]]).outcomes).not.toContain("found");
    const { before } = mark("cards and a car", [["car", "dog"]]);
    expect(before).toMatch(/and a$/);
    // Where it stands only inside of a word, that is what is meant.
    expect(mark("two cards", [["car", "dog"]])).toMatchObject({ outcomes: ["found"], from: " car", to: " dog" });
  });

  test("a shorter target at the end of the answer moves the end of the turn forward, where that is allowed", () => {
    const { eot, pad } = tokenizer.special;
    const labelled = row("There is a a dog.");
    const pairs = [{ org: "a a dog.", target: "a dog." }];
    expect(markRevisions(tokenizer, labelled, pairs).outcomes).toEqual(["length_differs"]);
    const end = labelled.ids.lastIndexOf(eot);
    const [org, target] = [" a a dog.", " a dog."].map((text) => tokenizer.encode(text)) as [number[], number[]];
    const start = end - org.length;
    for (const fill of [pad, undefined]) {
      const { outcomes, labels, revise, ids } = markRevisions(tokenizer, labelled, pairs, { shorter: true, fill });
      expect(outcomes).toEqual(["found"]);
      expect(ids).toEqual(labelled.ids);
      const rest = Array<number>(org.length - target.length).fill(fill ?? -100);
      expect(labels.slice(start, end + 1)).toEqual([...target, eot, ...rest]);
      expect(labels.slice(0, start)).toEqual(labelled.labels.slice(0, start));
      const learnt = [...target, eot, ...(fill === undefined ? [] : rest)].length;
      expect(revise.flatMap((marked, i) => (marked ? [i] : []))).toEqual(
        Array.from({ length: learnt }, (_, i) => start + i),
      );
    }
  });

  test("in the middle of an answer a shorter target stays one of another length", () => {
    const pairs = [{ org: "a a dog", target: "a dog" }];
    const { outcomes, revise } = markRevisions(tokenizer, row("A a a dog is here."), pairs, { shorter: true });
    expect([outcomes, revise.includes(true)]).toEqual([["length_differs"], false]);
  });

  test("the first of several matches; later pairs see the unchanged text", () => {
    const { from, to } = mark("a dog and a dog", [
      ["dog", "car"],
      ["dog", "man"],
    ]);
    expect([from, to]).toEqual([" dog", " man"]);
  });

  test("skips pairs of unequal token counts, and empty ones", () => {
    expect(mark("a dog", [["dog", "umbrella stand"]]).outcomes).toEqual(["length_differs"]);
    expect(mark("a dog", [["", "car"]]).outcomes).toEqual(["not_found"]);
    expect(mark("a dog", [[" dog ", "car"]]).outcomes).toEqual(["found"]);
  });

  test("the original drops one token of dummy, whatever it is", () => {
    expect(mark("a dog", [["dog", "car"]], { search: "whole_row" }).outcomes).toEqual(["not_found"]);
  });

  test("scripts without spaces have no words to be in the middle of", () => {
    const { outcomes, from, to } = mark("\u6709\u4e00\u53ea\u72d7\u5728", [["\u72d7", "\u732b"]]);
    expect([outcomes, from, to]).toEqual([["found"], "\u72d7", "\u732b"]);
  });
});
