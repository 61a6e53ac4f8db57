import { describe, expect, test } from "vitest";
import { z } from "zod";
import { firstDocuments, scoreAnswers } from "./score-answers.js";
import { sampleStandardError } from "./statistics/standard-errors.js";
import { defineTask } from "./task.js";
import { findTask } from "./task-registry.js";
import { countMarks } from "./task-scores.js";

const choice = (id: number, answer: string) => ({
  id: `validation_Art_${id}`,
  question: "Which? <image 1>",
  options: "['red', 'blue']",
  answer,
  question_type: "multiple-choice",
});

describe("an answer that cannot be read", () => {
  const { task } = findTask("mmmu_val");
  const answered = Array.from({ length: 40 }, (_, i) => ({ document: choice(i, "A"), answer: "dunno" }));

  test("is wrong, and counted", async () => {
    const { scores, withoutLuck } = await scoreAnswers(task, answered);
    expect(scores.metrics.mmmu_acc).toBe(0);
    expect(scores.counts).toMatchObject({ answers: 40, unreadable: 40, random: 0 });
    expect(withoutLuck).toBeUndefined();
  });

  test("gets a letter where that is asked for: the same for a seed, whatever was drawn before, and told apart", async () => {
    const draw = (seed: number, part = answered) => scoreAnswers(task, part, { unreadable: "random", seed });
    const [one, same, other, last] = [await draw(1), await draw(1), await draw(2), await draw(1, answered.slice(-3))];
    const letters = (scored: typeof one) => scored.answers.map(({ parsed }) => parsed);
    expect(letters(one)).toEqual(letters(same));
    expect(letters(one)).not.toEqual(letters(other));
    expect(letters(last)).toEqual(letters(one).slice(-3));
    expect(new Set(letters(one))).toEqual(new Set(["A", "B"]));
    expect(one.scores.metrics.mmmu_acc).toBeGreaterThan(0);
    expect(one.scores.counts).toMatchObject({ unreadable: 40, random: 40 });
    expect(one.withoutLuck?.metrics.mmmu_acc).toBe(0);
  });
});

test("figures that are no means have errors by documents drawn anew, where every draw can measure them", async () => {
  const task = defineTask<{ right: number }>({
    ...{ name: "sums", about: "", settings: {}, metric: "share", drawnErrors: true },
    document: z.looseObject({ right: z.number() }),
    prompt: () => "",
    pictures: () => [],
    score: ({ right }) => ({ parsed: "", target: "", scores: {}, facets: {}, marks: [], details: { right } }),
    aggregate: (scored) => {
      const values = scored.map(({ details }) => Number(details?.right));
      const share = values.reduce((sum, value) => sum + value, 0) / values.length;
      const metrics = { share, rare: values.includes(3) ? 1 : null };
      return { metrics, stderr: {}, subScores: {}, counts: countMarks(scored) };
    },
  });
  const answered = Array.from({ length: 60 }, (_, i) => ({ document: { right: i % 3 }, answer: "" }));
  const { scores } = await scoreAnswers(task, [...answered, { document: { right: 3 }, answer: "" }]);
  const expected = sampleStandardError([...answered.map(({ document: { right } }) => right), 3]);
  expect(Object.keys(scores.drawnStderr ?? {})).toEqual(["share"]);
  expect((scores.drawnStderr?.share ?? 0) / expected).toBeGreaterThan(0.8);
  expect((scores.drawnStderr?.share ?? 0) / expected).toBeLessThan(1.2);
  expect((await scoreAnswers(task, answered.slice(0, 1))).scores.drawnStderr).toEqual({});
});

describe("a judge", () => {
  const row = (index: number, answer: string) => ({
    index,
    question: "Which?",
    A: "red",
    B: "blue",
    C: "nan",
    D: "nan",
    answer,
    category: "colour",
    "L2-category": "perception",
  });
  const rotations = [row(7, "A"), row(1_000_007, "B"), row(8, "A")];

  test("is asked only where rules read nothing and nothing is lost yet", async () => {
    const asked: string[] = [];
    const { task } = findTask("mmbench_en_dev");
    const judge = async ({ messages }: { messages: readonly { content: unknown }[] }) => {
      asked.push(String(messages[0]?.content));
      return "B";
    };
    const answers = ["A", "the second of them", "wrong: B"];
    const { scores } = await scoreAnswers(
      task,
      rotations.map((document, i) => ({ document, answer: answers[i]! })),
      { judge },
    );
    expect(asked).toHaveLength(1);
    expect(asked[0]).toContain("the second of them");
    expect(scores.metrics.gpt_eval_score).toBe(50);
    expect(scores.counts).toMatchObject({ answers: 3, judged: 1, unreadable: 0 });
  });

  test("that gives no reply is no wrong answer in silence", async () => {
    const { task } = findTask("mmbench_en_dev");
    const answered = [{ document: row(7, "A"), answer: "hm" }];
    const { scores } = await scoreAnswers(task, answered, { judge: async () => undefined });
    expect(scores.metrics.gpt_eval_score).toBe(0);
    expect(scores.counts.judge_failed).toBe(1);
    expect((await scoreAnswers(task, answered)).scores.counts).toMatchObject({ unreadable: 1, judge_failed: 0 });
  });

  test("that never says 0 or 1 is not asked for ever", async () => {
    const { task } = findTask("mathverse_testmini_vision_only");
    let calls = 0;
    const judge = async () => {
      calls++;
      return "maybe";
    };
    const document = {
      problem_version: "Vision Only",
      answer: "5",
      query_cot: "Question",
      question_for_eval: "Question",
      image: "",
    };
    const { scores } = await scoreAnswers(task, [{ document, answer: "It is 5" }], { judge });
    expect(calls).toBeLessThan(20);
    expect(scores.counts.judge_failed).toBe(1);
    expect(task.pictures(document)).toEqual([]);
  });
});

test("MME's pairs and MMBench's rotations stay together under a limit", () => {
  const pairs = Array.from({ length: 6 }, (_, i) => ({
    question_id: `${i >> 1}`,
    question: "Is it?",
    answer: "Yes",
    category: "count",
  }));
  expect(firstDocuments(findTask("mme").task, pairs, 3)).toEqual(pairs.slice(0, 4));
  expect(firstDocuments(findTask("chartqa").task, pairs, 3)).toEqual(pairs.slice(0, 3));
});

test("a pair that lost its half is told, not averaged", async () => {
  const document = { question_id: "1", question: "Is it?", answer: "Yes", category: "count" };
  await expect(scoreAnswers(findTask("mme").task, [{ document, answer: "yes" }])).rejects.toThrow(/pairs are counted/);
});

test("a data set without a column is told by task and column", () => {
  const { task } = findTask("chartqa");
  expect(() => task.check({ type: "human_test", question: "How many?" })).toThrow(
    /chartqa: column answer: expected a text/,
  );
});

test("what protocols of one task make of an answer differs where docs say so", async () => {
  const score = async (
    name: string,
    protocol: "rediff" | "llada-v" | "lmms-eval" | "official",
    document: object,
    answer: string,
  ) => Object.values((await findTask(name, protocol).task.score(document, answer)).scores)[0];
  const time = { question: "When?", answers: ["10:30"] };
  expect(await score("docvqa_val", "rediff", time, "It says so. Answer: 10:30")).toBe(1);
  expect(await score("docvqa_val", "llada-v", time, "It says so. Answer: 10:30")).toBe(0);
  const pope = { question: "Is there a dog?", answer: "no", category: "random" };
  expect(await score("pope", "rediff", pope, "No, there is none.")).toBe(1);
  expect(await score("pope", "lmms-eval", pope, "No, there is none.")).toBe(0);
  expect(await score("pope", "official", pope, "NO")).toBe(0);
});
