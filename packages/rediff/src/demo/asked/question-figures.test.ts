import { expect, test } from "vitest";
import { loadArtwork } from "../../scenes/picture/artwork.js";
import { makeScene } from "../../scenes/records/generate-scenes.js";
import type { Scene } from "../../scenes/records/scene-records.js";
import { factsOf } from "../../scenes/records/scene-schema.js";
import { makeWorld } from "../../scenes/world/world.js";
import { isRight, questionsAbout, questionTasks, scoreQuestions } from "./question-figures.js";

async function someScenes(count: number): Promise<Scene[]> {
  const artwork = loadArtwork();
  const options = { world: makeWorld("demo"), seed: 5, split: "any", style: "noto", size: 48 } as const;
  const made = await Promise.all(Array.from({ length: count }, (_, i) => makeScene(i, options, artwork)));
  return made.map(({ record }) => ({ record, facts: factsOf(record.scene), world: record.scene.world }));
}

test("every scene is asked each kind of question, and true answers are right", async () => {
  const scenes = await someScenes(30);
  const questions = questionsAbout(scenes, 1);
  expect(questions).toHaveLength(30 * questionTasks.length);
  const perfect = scoreQuestions(
    questions,
    questions.map(({ answer }) => answer.toUpperCase()),
  );
  for (const task of questionTasks) expect(perfect[task]).toMatchObject({ asked: 30, right: 1, interval: [1, 1] });
  const yes = questions.filter(({ task, answer }) => task === "there" && answer === "Yes.").length;
  expect(yes).toBeGreaterThan(6);
  expect(yes).toBeLessThan(24);
});

test("an answer with a word more, or another one, is wrong", () => {
  expect(isRight("three  hot peppers.", { answer: "Three hot peppers." })).toBe(true);
  expect(isRight("Three hot peppers. A dog.", { answer: "Three hot peppers." })).toBe(false);
  expect(isRight("Three hot dogs.", { answer: "Three hot peppers." })).toBe(false);
  expect(isRight("", { answer: "No." })).toBe(false);
});

test("shares and intervals are of each kind alone", () => {
  const question = (task: "color" | "number", answer: string) => ({ scene: 0, task, question: "?", answer });
  const scores = scoreQuestions(
    [question("color", "Red."), question("number", "One."), question("number", "Two.")],
    ["Blue.", "One.", "Three."],
  );
  expect(scores.color).toMatchObject({ asked: 1, right: 0 });
  expect(scores.number).toMatchObject({ asked: 2, right: 0.5 });
  expect(scores.where).toEqual({ asked: 0, right: 0, interval: null });
});
