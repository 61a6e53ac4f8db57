/** Records whose text no model ever sees whole: refused by their length. */
import { describe, expect, test } from "vitest";
import { parseRecord } from "../records/parse-record.js";
import { assertTextSize } from "./text-size.js";

const sized = (value: object) => () => {
  const { turns, revise } = parseRecord(value, { file: "a.json", index: 0 });
  assertTextSize({ turns, system: "", revise });
};
const talk = (answer: string) => [
  { from: "human", value: "What?" },
  { from: "gpt", value: answer },
];

describe("refused before anything is tokenized", () => {
  test("a text of a thousand pages", () => {
    expect(sized({ conversations: talk("a".repeat(2 ** 20)) })).toThrow("has 1048581 letters of text; at most 1048576");
  });

  test("phrases to revise that would be looked for without end", () => {
    const revise = Array.from({ length: 20_000 }, () => ({ org: "a cat", target: "a dog" }));
    expect(sized({ conversations: talk("a cat ".repeat(2 ** 14)), revise })).toThrow(
      "has 220000 letters of phrases to revise for 98309 letters of text",
    );
  });
});

test("long descriptions with many phrases are read", () => {
  const revise = Array.from({ length: 200 }, (_, i) => ({ org: `the ${i}th cat`, target: `the ${i}th dog` }));
  expect(sized({ conversations: talk("a cat ".repeat(5000)), revise })).not.toThrow();
  expect(sized({ conversations: talk("a".repeat(10 ** 6)) })).not.toThrow();
});
