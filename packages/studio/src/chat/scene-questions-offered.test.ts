/** Questions that the chat offers: of the kinds that training has, about what is on the board. */
import { expect, test } from "vitest";
import { stickerCatalog } from "../../../rediff/src/scenes/world/catalog.js";
import { emptyScene, randomScene } from "../scene/scene.js";
import { sceneOfFacts } from "../scene/scene-facts.js";
import { sceneQuestions } from "./scene-questions-offered.js";

const catalog = stickerCatalog();

test("they are about what is there, and one about what is not", () => {
  const facts = {
    objects: [
      { name: "red apple", count: 3, position: "top left" },
      { name: "dog", count: 1, position: "top right" },
    ],
    background: "blue",
  };
  expect(sceneQuestions(sceneOfFacts(facts, "noto", catalog), catalog)).toEqual([
    "Please describe the image in detail.",
    "What is at the top left?",
    "How many red apples are there?",
    "Where is the dog?",
    "What color is the background?",
    expect.stringMatching(/^Are there any (?!red apples|dogs)[a-z ]+\?$/),
    "Are the red apples to the left of the dog?",
  ]);
});

test("whatever is on the board, they are sentences, no two the same", () => {
  for (const scene of [emptyScene(catalog), ...Array.from({ length: 100 }, () => randomScene(catalog))]) {
    const questions = sceneQuestions(scene, catalog);
    expect(questions.length).toBeGreaterThan(3);
    expect(new Set(questions).size).toBe(questions.length);
    for (const question of questions) expect(question).toMatch(/^[A-Z][a-z ]+[?.]$/);
  }
});
