/** Figures in documents, and goals: from what a run has measured. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { scoreRepairs } from "../../scenes/scoring/repairs.js";
import { compareAll, scoreAll, scoreCaption } from "../../scenes/scoring/score.js";
import { scoreQuestions } from "../asked/question-figures.js";
import { compareLosses } from "../speed-losses.js";
import { roundTable } from "../table-text.js";
import { goalLines, namedFigures, parseGoals } from "./goals.js";
import { alignedTable, withSections } from "./marked-sections.js";
import type { Measured } from "./measured.js";
import { publishedSections } from "./published-sections.js";

const facts = { objects: [{ name: "dog", count: 1, position: "top left" as const }], background: "blue" };
const right = scoreCaption("A dog is at the top left. The background is blue.", facts);
const wrong = scoreCaption("A cat is at the top left. The background is blue.", facts);
const [good, bad] = [
  [right, right, right, right],
  [right, wrong, wrong, wrong],
];
const stages = [
  { key: "llada_v", title: "LLaDA-V objective", folder: "a", revises: false },
  { key: "rediff", title: "ReDiff stage II", folder: "b", revises: true },
];
const last = { stage: "rediff", title: "ReDiff stage II" };
const repairs = scoreRepairs([
  { kind: "object", detected: 1, repaired: 1 },
  { kind: "none", detected: 0, repaired: 1 },
]);
const measured: Measured = {
  count: 4,
  model: { parameters: 1_690_000, width: 128, layers: 4, size: 144, patches: 81, vocabulary: 400, answer: 64 },
  stages,
  scored: stages.flatMap(({ key: stage, revises: revise }) =>
    [1, 4, 8].map((tokensPerStep) => ({
      ...{ stage, tokensPerStep, revise },
      scores: scoreAll(tokensPerStep === 1 || revise ? good : bad),
    })),
  ),
  losses: [
    {
      ...{ ...last, figure: "exact" as const, tokensPerStep: 4 },
      comparison: compareLosses({ slow: good, fast: bad }, { slow: good, fast: good }, "exact"),
    },
  ],
  gains: [{ tokensPerStep: 8, difference: compareAll(good, bad) }],
  rounds: [
    { round: 1, tokensPerStep: 1, difference: compareAll(good, bad) },
    { round: 2, tokensPerStep: 1, difference: compareAll(bad, good) },
  ],
  elsewhere: [{ ...last, kind: "style", scores: scoreAll(bad) }],
  drafts: 2,
  threshold: 0.7,
  refining: [0.5, 0.7].map((threshold) => ({ ...last, threshold, scores: repairs })),
  two: [{ ...last, scores: repairs }],
  foreign: [{ ...last, scores: repairs }],
  questions: 0,
  asked: [{ ...last, scores: scoreQuestions([], []) }],
};

describe("sections", () => {
  const sections = publishedSections(measured);

  test("take the place of what stood between their marks, and nothing else changes", () => {
    const document =
      "# A\n\n<!-- demo:short -->\n\nold\n\n<!-- /demo:short -->\n\nB <!-- demo:model --><!-- /demo:model -->";
    const once = withSections("a.md", document, sections);
    expect(once).toContain(`<!-- demo:short -->\n\n${sections.short}\n\n<!-- /demo:short -->\n\nB `);
    expect(once).not.toContain("old");
    expect(once).toContain("1.69 M parameters: width 128");
    expect(withSections("a.md", once, sections)).toBe(once);
  });

  test("without another end, or without a text, are told of", () => {
    expect(() => withSections("a.md", "<!-- demo:short -->", sections)).toThrow(/demo:short do not go together/);
    expect(() => withSections("a.md", "<!-- demo:a --><!-- /demo:b -->", sections)).toThrow(/do not go together/);
    expect(() => withSections("a.md", "<!-- demo:other --><!-- /demo:other -->", sections)).toThrow(
      /no section demo:other/,
    );
  });

  test.each(["README.md", "docs/embedded-model.md", "models/demo/README.md"])(
    "%s has marks that go together",
    (file) => {
      const text = readFileSync(fileURLToPath(new URL(`../../../../../${file}`, import.meta.url)), "utf8");
      expect(withSections(file, text, sections)).not.toBe(text);
    },
  );

  test("are tables whose columns are equally wide", () => {
    expect(alignedTable("| a | b |\n| --- | --- |\n| 1 | 1.25 |")).toBe(
      "| a   | b    |\n| --- | ---- |\n| 1   | 1.25 |",
    );
    for (const name of ["short", "summary", "loss", "gain", "rounds", "elsewhere", "refine", "questions"]) {
      const lines = (sections[name] ?? "").split("\n");
      expect(new Set(lines.map(({ length }) => length)).size, name).toBe(1);
    }
    expect(sections.short).not.toContain("(");
  });
});

test("rounds: each less the one before it", () => {
  const lines = roundTable(measured.rounds).split("\n");
  expect(lines[2]).toMatch(/^\| round 1 less stage I \| \+0\.750 \(\+0\./);
  expect(lines[3]).toMatch(/^\| round 2 less round 1 \| -0\.750/);
});

describe("goals", () => {
  test("are reached or not, by the figure or by its whole interval", () => {
    const goals = parseGoals(
      JSON.stringify({
        "caption.rediff.8.exact": { least: 0.9 },
        "style.rediff.exact": { least: 0.9 },
        "gain.8.exact": { least: 0.7, beyond_doubt: true },
        "two_errors.rediff.repaired": { least: 0.9 },
        "refine.rediff.false_edits": { most: 0.02 },
      }),
    );
    const lines = goalLines(goals, measured);
    expect(
      lines.map((line) => line.replace(/ +/g, " ").split(" ").slice(0, -2).join(" ").replace(/ \(.*/, "")),
    ).toEqual([
      "reached caption.rediff.8.exact 1.000",
      "NOT reached style.rediff.exact 0.250",
      "NOT reached gain.8.exact 0.750",
      "reached two_errors.rediff.repaired 1.000",
      "reached refine.rediff.false_edits 0.000",
    ]);
  });

  test("of figures that are not measured are told of, with those that are", () => {
    expect(() => goalLines(parseGoals('{"style.other.exact": {"least": 1}}'), measured)).toThrow(
      /no figure style\.other/,
    );
    expect([...namedFigures(measured).keys()]).toEqual(
      expect.arrayContaining(["round.2.1.exact", "loss.rediff.4.exact", "foreign.rediff.repaired"]),
    );
    expect(() => parseGoals("{")).toThrow(/no JSON/);
    expect(() => parseGoals('{"a": {"lest": 1}}')).toThrow(/cannot be read/);
  });
});
