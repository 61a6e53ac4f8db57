import { expect, test } from "vitest";
import { isTraceLines, readTraceLines } from "./lines.js";

const change = (position: number, token: string, kind = "fill") => ({ position, token, id: 1, confidence: 0.5, kind });
const line = (image: string, step: number, changes: object[], more = {}) =>
  JSON.stringify({ image, type: "step", step, block: 0, tokens: [1, 2], changes, seconds: 0.25, ...more });
const request = (revise: boolean) => ({
  request: { kind: "describe", revise, messages: [{ role: "user", content: "<image>\nWhat?" }] },
});

test("lines of several pictures become comparisons, and two answers about one stand beside each other", () => {
  const text = [
    line("x/a.png", 0, [change(0, "a")], request(false)),
    line("b.png", 0, [change(0, "b"), change(1, "<|eot_id|>")], request(true)),
    line("x/a.png", 1, [change(1, " cat")]),
    line("b.png", 1, [change(0, "B", "revise")]),
    line("b.png", 0, [], request(false)),
    '{"image":"b.p',
  ].join("\n");
  expect(isTraceLines(text)).toBe(true);
  const [first, second] = readTraceLines(text);
  expect(first).toMatchObject({
    model: "a.png",
    prompt: "What?",
    runs: { plain: { end: { text: "a cat", steps: 2 } } },
  });
  expect(second?.runs.revising?.end).toMatchObject({ text: "B", edits: 1, seconds: 0.5 });
  expect(second?.runs.plain).toMatchObject({ steps: [{}] });
  expect(second?.runs.plain?.end).toBeUndefined();
});

test("what is given stands from the start", () => {
  const given = [{ position: 0, token: "the", id: 4 }];
  const [only] = readTraceLines(line("", 0, [change(1, " end")], { given }));
  expect(only?.runs.plain?.end?.text).toBe("the end");
});

test("a line of another form is told with its number", () => {
  expect(isTraceLines('{"format":"rediff-comparison"}')).toBe(false);
  expect(() => readTraceLines(`${line("a", 0, [])}\n{"image":1}`)).toThrow(/Line 2 is no step of a trace: .* image/);
  expect(() => readTraceLines(line("a", 0, [change(7, "x")]))).toThrow(/Line 1: a change at position 7/);
});
