/** Turns in all the ways in which data sets write them. */
import { describe, expect, test } from "vitest";
import { SampleError } from "../samples/sample-error.js";
import { turnsOf } from "./record-turns.js";

const talk = [
  { role: "user", content: "Hi" },
  { role: "assistant", content: "Hello" },
];

test.each([
  [
    "from and value",
    {
      conversations: [
        { from: "human", value: "Hi" },
        { from: "gpt", value: "Hello" },
      ],
    },
  ],
  ["role and content", { conversations: talk }],
  ["messages", { messages: talk }],
  ["JSON text, as tables keep lists", { conversations: JSON.stringify(talk) }],
  ["conversation", { conversation: talk }],
  ["role and value", { conversations: talk.map(({ role, content }) => ({ role, value: content })) }],
  ["null where the other form is", { conversations: talk.map((turn) => ({ ...turn, from: null, value: null })) }],
  ["parts", { messages: talk.map(({ role, content }) => ({ role, content: [{ type: "text", text: content }] })) }],
])("%s", (_, record) => expect(turnsOf(record)).toEqual({ turns: talk, images: [] }));

test("the second form counts where a turn has both", () => {
  const turn = { from: "gpt", value: "a", role: "user", content: "b" };
  expect(turnsOf({ conversations: [turn] }).turns).toEqual([{ role: "user", content: "b" }]);
});

test.each([
  [[{ type: "image" }, { type: "text", text: "What?" }], "<image>\nWhat?", []],
  [
    [
      { type: "image_url", image_url: { url: "a.png" } },
      { type: "image", image: "file:///b.png" },
      { type: "text", text: "?" },
    ],
    "<image> <image>\n?",
    ["a.png", "/b.png"],
  ],
  [[{ type: "text", text: "See" }, { type: "image" }, { type: "text", text: " and say" }], "See\n<image> and say", []],
  [
    [
      { type: "text", text: "Hi", image: null },
      { type: "image", text: null },
    ],
    "Hi\n<image>",
    [],
  ],
])("parts with pictures", (content, text, images) => {
  expect(turnsOf({ messages: [{ role: "user", content }] })).toEqual({
    turns: [{ role: "user", content: text }],
    images,
  });
});

describe("told with the turn", () => {
  test.each([
    [{ id: 1, text: "x" }, "has no conversations; its keys are id, text"],
    [{ conversations: [] }, "conversations: has no turns"],
    [{ messages: "Hi" }, "messages: expected a list of turns"],
    [{ messages: "[Hi" }, "messages: expected a list of turns"],
    [{ conversations: [{ from: "human" }] }, "conversations.0: a turn needs from and value, or role and content"],
    [{ conversations: ["Hi"] }, "conversations.0: a turn is an object {from, value}"],
    [{ messages: [...talk, { role: "user", content: 7 }] }, "messages.2: expected a text, got number"],
    [
      { messages: [{ role: "user", content: [{ type: "audio" }] }] },
      /^messages\.0: a part of its content is \{"type":"audio"\}/,
    ],
  ])("%j", (record, message) => {
    expect(() => turnsOf(record)).toThrow(SampleError);
    expect(() => turnsOf(record)).toThrow(message);
  });
});
