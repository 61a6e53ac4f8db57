/** What judges write: the recorded cases are the goldens'; here is what they leave open. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readArena, standsFirst, verdictOf } from "./caparena.js";
import { judgeClair, readClair, scoreClair } from "./clair.js";
import { judgeCoverage, readCoverage } from "./coverage.js";
import { judgeFactuality, readStatements, readVerdicts, scoreFactuality } from "./factuality.js";
import type { AskSuite, SuiteQuestion } from "./suite.js";

const scripted = (replies: readonly (string | undefined)[]) => {
  const left = [...replies];
  const asked: SuiteQuestion[] = [];
  const ask: AskSuite = async (question) => {
    asked.push(question);
    if (left.length === 0) throw new Error("asked too often");
    return left.shift();
  };
  return { ask, asked };
};

test("no reply, however odd, breaks a reader", () => {
  const reply = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom("{", "}", "1", ". ", "\n", ")", "reason", ":", '"') }),
  );
  fc.assert(
    fc.property(reply, (text) => {
      for (const read of [readClair, readArena, readStatements, readVerdicts, verdictOf]) read(text);
      readCoverage(text, 3);
    }),
  );
});

describe("CLAIR", () => {
  test("does not take a number from the reason when the score is none: it is asked for again", async () => {
    const { ask, asked } = scripted(['{"score": "high", "reason": "9 of 10"}', '{"score": 70, "reason": "x"}']);
    expect(await judgeClair({ image: "a", reference: "r" }, "c", ask)).toMatchObject({ score: 0.7, calls: 2 });
    expect(asked.map(({ attempt }) => attempt)).toEqual([0, 1]);
  });

  test("has no score without a reply, and says which picture it was", async () => {
    const sample = await judgeClair({ image: "a", reference: "r" }, "c", scripted([undefined]).ask);
    expect(scoreClair([sample])).toEqual({
      ...{ clair: null, clair_lost_as_zero: 0, pictures: 1 },
      troubles: { judge_failed: ["a"] },
    });
  });
});

test("coverage gives a picture up after three replies of the wrong length, as wrong", async () => {
  const document = { image: "a", questions: ["q"], answers: ["A"] };
  const sample = await judgeCoverage(document, "c", scripted(["x", "y", "z"]).ask);
  expect(sample).toMatchObject({ calls: 3, correct: null, trouble: "unreadable" });
});

describe("factuality", () => {
  const document = { image: "a", reference: "r", picture: async () => "data:," };

  test("takes a caption apart anew after three wrong counts, and does not go on for ever", async () => {
    const round = ["1. a\n2. b", "1. True", "1. True", "1. True"];
    const again = scripted([...round, "1. a", "1. True"]);
    expect(await judgeFactuality(document, "c", again.ask)).toMatchObject({
      true: 1,
      propositions: ["1. a"],
      calls: 6,
    });
    const never = scripted([...round, ...round, ...round]);
    const sample = await judgeFactuality(document, "c", never.ask);
    expect(sample).toMatchObject({ calls: 12, trouble: "unreadable" });
    expect(scoreFactuality([sample])).toMatchObject({ factuality: null, factuality_lost_as_false: 0 });
    const keys = never.asked.map(({ purpose, attempt }) => `${purpose} ${attempt}`);
    expect(new Set(keys).size).toBe(keys.length); // none would be answered from what was kept
  });

  test("leaves out lists that circle, and lines without end", () => {
    expect(readStatements("1. x\n2. x\n3. y")).toHaveLength(3);
    expect(readStatements("1. y\n2. x\n3. x\n4. x")).toBeNull();
    expect(readStatements(`1. ${"word ".repeat(250)}`)).toBeNull();
    expect(readStatements("")).toBeNull();
  });
});

describe("CapArena", () => {
  test("reads only its own words", () => {
    expect(["Tie.", "Tie", "Caption 1 is better", "tie", "Tie..", "constructor"].map(verdictOf)).toEqual([
      ...["tie", "tie", "first", undefined, undefined, undefined],
    ]);
  });

  test("puts about half of the captions first, the same ones each time", () => {
    const first = Array.from({ length: 600 }, (_, i) => standsFirst(`test_${i}.jpg`, 7));
    expect(first.filter(Boolean).length).toBeGreaterThan(250);
    expect(first.filter(Boolean).length).toBeLessThan(350);
    expect(standsFirst("test_3.jpg", 7)).toBe(first[3]);
  });
});
