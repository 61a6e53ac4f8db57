/** Traces of the command line and of the studio, shown without a model. */
import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { jsonLines, rediffHere } from "../../../testing/command-line.js";
import { folderOfFile } from "../../../testing/folders.js";

const { at } = folderOfFile();

const change = (position: number, token: string, kind = "fill") => ({ position, token, id: 1, confidence: 0.5, kind });
const line = (image: string, step: number, changes: object[], more = {}) =>
  JSON.stringify({ image, type: "step", step, block: 0, tokens: [1, 2, 3, 4], changes, seconds: 0.25, ...more });

/** Two answers, their steps between each other; in the second a token behind the end is written over. */
const lines = [
  line("a.png", 0, [change(0, "a"), change(2, ".")]),
  line("b.png", 0, [change(1, "<|eot_id|>"), change(2, "x")], { given: [{ position: 0, token: "the", id: 7 }] }),
  line("a.png", 1, [change(1, " cat"), change(3, "<|eot_id|>")]),
  line("b.png", 1, [change(3, "y"), change(2, "z", "revise")]),
  line("a.png", 2, [change(1, " dog", "revise")]),
];

const steps = [{ changes: [change(0, "a"), change(1, " dog")], seconds: 0.5, step: 0, block: 0 }];
const studio = {
  format: "rediff-comparison",
  version: 1,
  picture: { name: "scene.png", url: "data:image/png;base64,AAAA" },
  sides: { plain: { title: "LLaDA" }, revising: { title: "ReDiff, revising" } },
  runs: {
    plain: { start: { gen_length: 2 }, steps, end: { text: "a dog" } },
    revising: { start: { gen_length: 3 }, steps },
  },
};

describe("rediff trace", () => {
  test("lines of several pictures are their answers, and edits behind the end are not counted", async () => {
    writeFileSync(at("steps.jsonl"), `${lines.join("\n")}\n{"image":"b.p`);
    const { stdout, status } = await rediffHere("trace", at("steps.jsonl"), "--json", "--steps");
    expect(status).toBe(0);
    const of = { who: null, tokens: 4, complete: true };
    expect(jsonLines(stdout)).toEqual([
      {
        ...of,
        ...{ image: "a.png", text: "a dog.", steps: 3, edits: 1, seconds: 0.75 },
        texts: ["a\u2591.\u2591", "a cat.", "a dog."],
      },
      { ...of, image: "b.png", text: "the", steps: 2, edits: 0, seconds: 0.5, texts: ["the", "the"] },
    ]);
    expect((await rediffHere("trace", at("steps.jsonl"))).stdout).toBe("a.png: a dog.\nb.png: the\n");
  });

  test.each([1, undefined])("the studio's file, indented by %s, has both sides", async (indent) => {
    writeFileSync(at("studio.json"), JSON.stringify(studio, undefined, indent));
    const { stdout } = await rediffHere("trace", at("studio.json"));
    expect(stdout).toBe("scene.png, LLaDA: a dog\nscene.png, ReDiff, revising: a dog\u2591 (cut off)\n");
  });

  test.each([
    ["no trace", "hello", /is no trace/],
    ["another JSON", "{}", /is no trace at line 1 \(unexpected value at image\)/],
    ["an empty file", "", /is no trace without any step/],
    ["a position outside", line("a.png", 0, [change(9, "a")]), /position 9 in an answer of 4 tokens/],
    ["the studio's with a run of another form", JSON.stringify({ ...studio, runs: { plain: {} } }), /is no trace/],
  ])("%s is refused with what it lacks", async (_, text, message) => {
    writeFileSync(at("wrong"), text);
    const { stderr, status } = await rediffHere("trace", at("wrong"));
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
  });

  test("a file that is not there, and a folder", async () => {
    expect((await rediffHere("trace", at("none"))).stderr).toMatch(/none/);
    expect((await rediffHere("trace", at("."))).stderr).toMatch(/is no trace a folder|is a folder/);
  });
});
