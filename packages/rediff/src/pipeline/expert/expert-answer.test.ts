import { expect, test } from "vitest";
import { readAnswer } from "./expert-answer.js";
import { refusal } from "./expert-refusal.js";
import { LostReply } from "./http-post.js";

const answer = (body: string) => readAnswer({ status: 200, headers: {}, body });
const deep = "[".repeat(300_000) + "]".repeat(300_000);

test("what is no answer is a reply that another try may better, in one short line", () => {
  for (const body of [
    "",
    "null",
    "[]",
    `{"error": ${deep}}`,
    `{"error": {"message": ${deep}}}`,
    `{"choices": [{"message": {"content": ${deep}}}]}`,
    `{"error": [[[["a\nb"]]]]}`,
  ]) {
    expect(() => answer(body)).toThrow(LostReply);
    expect(() => answer(body)).toThrow(/^.{1,400}$/);
  }
});

test("an error's text is told however it is nested", () => {
  const asked = { url: new URL("http://127.0.0.1/v1"), model: "m", apiKeyName: "KEY" };
  for (const body of [`{"error": ${deep}}`, `{"detail": ${deep}}`, deep])
    expect(refusal({ status: 500, headers: {}, body }, asked).message).toMatch(/^HTTP 500, trouble.{1,400}$/);
});
