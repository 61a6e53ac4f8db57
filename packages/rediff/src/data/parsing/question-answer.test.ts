import { describe, expect, test } from "vitest";
import { parseRecord } from "../records/parse-record.js";
import { ourSamples } from "../samples/sample-rules.js";
import { understand } from "../samples/understood-record.js";

const source = { file: "d.json", index: 0 };
const read = (value: object) => understand(parseRecord(value, source), { template: "llava_llada", rules: ourSamples });

describe("a question and an answer as keys of a record", () => {
  test.each([
    [{ question: "Why?", answer: "So." }, ["Why?", "So."], "question and answer"],
    [{ prompt: "Why?", response: "So." }, ["Why?", "So."], "prompt and response"],
    [{ prompt: "Why?", completion: "So." }, ["Why?", "So."], "prompt and completion"],
    [{ instruction: "Why?", output: "So." }, ["Why?", "So."], "instruction and output"],
    [{ instruction: "Why?", input: "", output: "So." }, ["Why?", "So."], "instruction and output"],
    [
      { instruction: "Translate.", input: "Hund", output: "dog", history: [] },
      ["Translate.\nHund", "dog"],
      "instruction, input and output",
    ],
    [{ instruction: "", input: "Why?", output: "So." }, ["Why?", "So."], "input and output"],
    [{ id: 7, query: "Why?", response: "So.", source: "x", score: 3 }, ["Why?", "So."], "query and response"],
  ])("%j is read and told", (record, texts, keys) => {
    const { turns, notes } = read(record);
    expect(turns.map(({ content }) => content)).toEqual(texts);
    expect(turns.map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(notes).toEqual([{ kind: "pair", what: keys }]);
  });

  test("with a picture and a system text", () => {
    const { turns, images, system } = read({
      image: "a.png",
      system: "Be brief.",
      question: "What?",
      answer: "A dog.",
    });
    expect(images).toEqual(["a.png"]);
    expect(system).toBe("Be brief.");
    expect(turns[0]?.content).toBe("<image>\nWhat?");
  });

  test("turns go first where there are some", () => {
    const conversations = [
      { from: "human", value: "A?" },
      { from: "gpt", value: "B." },
    ];
    expect(read({ conversations, question: "C?", answer: "D." }).turns[0]?.content).toBe("A?");
  });

  test.each([
    [{ question: "A?", prompt: "B?", answer: "C." }, /question and prompt, either of which may be the question/],
    [{ question: "A?", answer: "C.", response: "D." }, /answer and response, either of which may be the answer/],
    [{ question: "A?", choices: ["x", "y"], answer: "x" }, /has choices beside question and answer, .* is not said/],
    [{ instruction: "A?", context: "It is so.", response: "x" }, /has context beside instruction and response/],
    [{ instruction: "A?", output: "x", history: [["q", "a"]] }, /has history beside instruction and output/],
    [{ question: "A?", answer: 4 }, /answer: expected a text, got 4/],
    [{ question: "A?", answer: ["x", "y"] }, /answer: expected a text, got \["x","y"\]/],
    [
      { image: "a.png", caption: "A dog." },
      /has no conversations; its keys are image, caption\. Write conversations: \[/,
    ],
    [{ question: "A?", answer: "" }, /its answer is empty/],
    [{ question: "A?", answer: null }, /its answer is empty/],
  ])("%j is refused in one line with the remedy", (record, message) => {
    let line = "no error";
    try {
      read(record);
    } catch (error) {
      line = (error as { line: string }).line;
    }
    expect(line).toMatch(message);
    expect(line).toMatch(/\. Write /);
  });
});
