import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { parseReply } from "../correction/expert-reply.js";
import { defaultPromptFile, expertText, readExpertPrompt } from "./expert-prompt.js";

test("the text for the expert: the marker of the picture goes, and white space around the question", () => {
  expect(expertText({ question: "<image>\nWhat is it? ", answer: " A dog.", prediction: "A cat.\n" })).toBe(
    "Question: What is it?\nAnswer:  A dog.\nPrediction: A cat.\n",
  );
  expect(expertText({ question: "a <image> b<image>", prediction: "x" })).toBe("Question: a  b\nPrediction: x");
});

test("the shipped prompt holds both replies, and its example is consistent with itself", async () => {
  expect(existsSync(defaultPromptFile)).toBe(true);
  const prompt = await readExpertPrompt();
  expect(prompt).toMatch(/^right$/m);
  const prediction = /^Prediction: (.*)$/m.exec(prompt)?.[1] ?? "";
  const reply = parseReply(prompt.slice(prompt.lastIndexOf("Reply:") + "Reply:".length));
  if (reply.kind !== "pairs") throw new Error("the example is no list");
  expect(reply.pairs).toHaveLength(3);
  let mended = prediction;
  for (const { org, target } of reply.pairs) {
    expect(prediction.split(org)).toHaveLength(2); // occurs exactly once
    expect(target.split(" ")).toHaveLength(org.split(" ").length);
    mended = mended.replace(org, target);
  }
  expect(mended).toBe(
    "Two people in winter coats are waiting beside a yellow bus, and one of them is now holding a phone.",
  );
});

test("a prompt of one's own", async ({ folder }) => {
  writeFileSync(join(folder, "mine.txt"), "Be strict.\n\n");
  expect(await readExpertPrompt(join(folder, "mine.txt"))).toBe("Be strict.");
  writeFileSync(join(folder, "empty.txt"), " \n");
  await expect(readExpertPrompt(join(folder, "empty.txt"))).rejects.toThrow(/the prompt is empty/);
  await expect(readExpertPrompt(join(folder, "none.txt"))).rejects.toThrow(/no such file/);
});
