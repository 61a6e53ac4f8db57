// @ts-check
import { parseRecord } from "../../../../packages/rediff/dist/data/records/parse-record.js";
import { parseJson } from "../../../../packages/rediff/dist/data/records/record-reader.js";
import { json, textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const conversations = [
  { from: "human", value: "<image>\nWhat is it?" },
  { from: "gpt", value: "A cat." },
];

export default defineTarget({
  covers: ["data/records/parse-record.js", "data/parsing/record-turns.js", "data/parsing/media-keys.js"],
  seeds: [
    json({ id: 1, image: "a.png", conversations, revise: [{ org: "cat", target: "dog" }] }),
    json({
      images: ["a.png", { path: "b.png" }],
      messages: [
        { role: "user", content: [{ type: "text", text: "Hi" }, { type: "image" }] },
        { role: "assistant", content: "x" },
      ],
    }),
    json({
      video: "a.mp4",
      system_prompt: "S",
      conversations: JSON.stringify(conversations),
      blanks: [[0, 1]],
      conversation: conversations,
    }),
    utf8('{"id":"\\ud83d","conversations":[{"from":"human","value":"a"}],"meta":{"image":{"url":"x.png"}}}'),
  ],
  dictionary: [
    '"image":',
    '"images":',
    '"conversations":',
    '"from":"gpt"',
    '"value":',
    '"revise":',
    '"blanks":',
    "[",
    "]",
    "{",
    "}",
    '"\\ud800"',
    "null",
    '{"a":',
    '"__proto__":',
    '"bytes":',
  ],
  run: (input) => parseRecord(parseJson(textOf(input)), { file: "data.json", index: 0 }),
});
