import { expect, test } from "vitest";
import { SampleError } from "../samples/sample-error.js";
import { parseRecord } from "./parse-record.js";
import { parseJson } from "./record-reader.js";

const deep = "[".repeat(200_000) + "]".repeat(200_000);
const turns = '[{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]';

test("a record of brackets in each other is a broken one, wherever they stand, and ends no run", () => {
  for (const text of [
    deep,
    `{"conversations": ${turns}, "image_list": ${deep}}`,
    `{"conversations": ${turns}, "image": ${deep}}`,
    `{"conversations": [{"from": "human", "value": [${deep}]}]}`,
    `{"conversations": ${JSON.stringify(deep)}}`,
  ])
    expect(() => parseRecord(parseJson(text), { file: "data.json", index: 0 })).toThrow(SampleError);
});
