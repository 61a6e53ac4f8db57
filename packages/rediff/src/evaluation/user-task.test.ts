import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { scoreAnswers } from "./score-answers.js";
import { parseUserTask } from "./user-task.js";

const page = readFileSync(fileURLToPath(new URL("../../../../docs/evaluation.md", import.meta.url)), "utf8");
const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";

const sign = { question: "When does it open?", choices: ["8", "9", "10"], answer: "9", city: "Graz", image: "a.png" };

describe("the example of the documentation", () => {
  const task = parseUserTask(example, "task.yaml");

  test("asks as it says", () => {
    expect(task).toMatchObject({
      name: "shop_signs",
      source: { dataset: "you/shop-signs", splits: ["test"] },
      settings: { steps: 2, genLength: 2, thinking: "no_think" },
    });
    expect(task.prompt(sign)).toBe(
      "When does it open?\nA. 8\nB. 9\nC. 10\nAnswer with the option's letter from the given choices directly.",
    );
    expect(task.pictures(sign)).toEqual(["image"]);
  });

  test("scores letters against an option's text, a letter and a place, with sub-scores", async () => {
    const other = { ...sign, city: "Linz" };
    const { scores } = await scoreAnswers(task, [
      { document: sign, answer: "B" },
      { document: { ...sign, answer: "C" }, answer: "(C)" },
      { document: { ...other, answer: 0, choices: "['7', '9']" }, answer: "The answer is A." },
      { document: other, answer: "no idea" },
    ]);
    expect(scores.metrics).toEqual({ option: 0.75 });
    expect(scores.subScores.city).toEqual({ Graz: { score: 1, count: 2 }, Linz: { score: 0.5, count: 2 } });
    expect(scores.counts).toMatchObject({ answers: 4, unreadable: 1 });
    expect(scores.stderr.option).toBeCloseTo(0.25);
  });

  test("a document without a column is told", () => {
    expect(() => task.prompt({ question: "When?" })).toThrow(/shop_signs: column (answer|choices): expected/);
  });
});

describe.each([
  ["exact_match", "eight", "Eight", "eight o'clock"],
  ["contains", "eight", "at Eight", "at nine"],
  ["relaxed", "100", "104", "106"],
  ["anls", "restaurant", "restaurent", "hotel"],
  ["yes_no", "Yes", "yes, it is", "no"],
])("metric %s", (metric, target, right, wrong) => {
  test("tells right from wrong", async () => {
    const task = parseUserTask(
      `{ task: t, prompt: "{q}?", target: a, metric: ${metric}, final_answer: true }`,
      "t.yaml",
    );
    const score = async (answer: string) =>
      (await task.score({ q: "What", a: target }, `So. Answer: ${answer}`)).scores;
    expect((await score(right))[metric]).toBeGreaterThan(0.5);
    expect((await score(wrong))[metric]).toBeLessThan(0.5);
    expect((await task.score({ q: "What", a: target }, right)).marks).toEqual(["unreadable"]);
  });
});

describe("a file that is no task", () => {
  const error = (text: string): string => {
    try {
      parseUserTask(text, "mine.yaml");
    } catch (failure) {
      if (failure instanceof UserError) return failure.line;
      throw failure;
    }
    return "no error";
  };
  const good = "task: t\nprompt: '{q}'\ntarget: a\nmetric: contains\n";

  test.each([
    [good.replace("contains", "exact_mach"), /mine\.yaml:4: metric: expected .*did you mean exact_match\?/],
    [good.replace("target: a\n", ""), /mine\.yaml: target: expected a text, got nothing/],
    [`${good}subscore: [x]\n`, /subscore/],
    [good.replace("contains", "option"), /metric option needs options/],
    [`${good}settings: { steps: 0, gen_length: 8 }\n`, /mine\.yaml:5: settings\.steps: expected at least 1, got 0/],
    [good.replace("task: t", "task: 'a b'"), /expected a name of letters/],
    ["- a\n", /mine\.yaml/],
    ["task: [", /mine\.yaml/],
    ["", /mine\.yaml/],
  ])("says where and what (%#)", (text, message) => {
    expect(error(text)).toMatch(message);
  });
});
