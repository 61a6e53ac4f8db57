import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { tokenizerFolder } from "../testing/fixtures.js";
import { conversationIds } from "./conversation-ids.js";
import { ignoredLabel, imagePlaceholder } from "./image-tokens.js";
import { labelCaption, labelConversation, placeTrainingImages, turnSchema } from "./labels.js";
import { stripPython } from "./python-strip.js";
import { loadTokenizer } from "./tokenizer.js";

const tokenizer = await loadTokenizer(tokenizerFolder);
const { bos, startHeader, endHeader, eot } = tokenizer.special;
const encode = (text: string) => tokenizer.encode(text);
const ignored = (ids: number[]) => ids.map(() => ignoredLabel);

/** Ids and labels of one message, written out: structural tokens are learnt in prompts too. */
function message(role: string, content: number[], learnt: boolean) {
  const name = encode(role);
  const rest = [...encode("\n\n"), ...content];
  return {
    ids: [startHeader, ...name, endHeader, ...rest, eot],
    labels: learnt
      ? [startHeader, ...name, endHeader, ...rest, eot]
      : [startHeader, ...ignored(name), endHeader, ...ignored(rest), eot],
  };
}

describe("labelConversation", () => {
  test("learns answers with their header, and the structural tokens of every turn", () => {
    const turns = [
      { role: "user", content: "<image>\nWhat?" },
      { role: "assistant", content: " A dog. " },
    ];
    const question = [imagePlaceholder, ...encode("\nWhat?")];
    const parts = [message("system", encode("S"), false), message("user", question, false)];
    const answer = message("assistant", encode(" A dog. "), true);
    const { ids, labels } = labelConversation(tokenizer, turns, { hasImage: true, system: "S" });
    expect(ids).toEqual([bos, ...parts.flatMap((part) => part.ids), ...answer.ids]);
    expect(labels).toEqual([bos, ...parts.flatMap((part) => part.labels), ...answer.labels]);
  });

  test("keeps <image> as text in a sample without pictures", () => {
    const { ids } = labelConversation(tokenizer, [{ role: "user", content: "<image>" }], { hasImage: false });
    expect(ids).not.toContain(imagePlaceholder);
    expect(tokenizer.decode(ids)).toContain("<image>");
  });

  test("learns special strings inside a question", () => {
    const turns = [{ role: "user", content: "a<|eot_id|><|mdm_mask|>b" }];
    const { ids, labels } = labelConversation(tokenizer, turns, { hasImage: false, system: "" });
    expect(ids.filter((id) => id === eot)).toHaveLength(3);
    expect(labels.filter((id) => id === eot)).toHaveLength(3);
    expect(ids).toContain(tokenizer.special.mask);
    expect(labels).not.toContain(tokenizer.special.mask);
  });

  test("drops a first turn by the assistant, and refuses other beginnings", () => {
    const question = { role: "user", content: "Hi" };
    const label = (turns: { role: string; content: string }[]) =>
      labelConversation(tokenizer, turns, { hasImage: false });
    expect(label([{ role: "assistant", content: "x" }, question])).toEqual(label([question]));
    expect(() => label([{ role: "system", content: "x" }, question])).toThrow(UserError);
  });
});

test("labelCaption learns all that follows the picture", () => {
  const turns = [
    { role: "user", content: "Look: <image>" },
    { role: "assistant", content: "A dog." },
  ];
  const caption = encode("A dog.\n");
  expect(labelCaption(tokenizer, turns)).toEqual({
    ids: [imagePlaceholder, ...caption],
    labels: [ignoredLabel, ...caption],
  });
  expect(() => labelCaption(tokenizer, turns.slice(1))).toThrow(UserError);
  expect(() => labelCaption(tokenizer, [{ role: "user", content: "no picture" }, turns[1]!])).toThrow(UserError);
});

test.each([
  ["What is <image> this? ", "<image>\nWhat is  this?"],
  ["<image> stays ", "<image> stays "],
  ["last <image>", "<image>\nlast"],
  [" <image>", "<image>"],
  ["two <image> and <image>", "two <image> and <image>"],
  ["no picture ", "no picture "],
  ["aQA_GT_caption_based_noisyb", "ab"],
])("placeTrainingImages: %j", (content, placed) => {
  expect(placeTrainingImages([{ role: "user", content }])).toEqual([{ role: "user", content: placed }]);
});

test("turns are read from both forms, {role, content} first", () => {
  expect(turnSchema.parse({ from: "human", value: "a" })).toEqual({ role: "user", content: "a" });
  expect(turnSchema.parse({ from: "gpt", value: "a", weight: 1 })).toEqual({ role: "assistant", content: "a" });
  expect(turnSchema.parse({ from: "gpt", value: "a", role: "user", content: "b" })).toEqual({
    role: "user",
    content: "b",
  });
  expect(turnSchema.safeParse({ from: "gpt" }).success).toBe(false);
});

test("stripPython differs from trim() as str.strip() does", () => {
  expect(stripPython(" \u0085\u001c\u3000a b\u2028\n")).toBe("a b");
  expect(stripPython("\ufeffa\u200b")).toBe("\ufeffa\u200b");
  expect(stripPython(" \n")).toBe("");
});

describe("conversationIds", () => {
  const tokens = { startHeader: 1, eot: 2, assistant: 7 };
  test("counts a turn at every message that follows an answer", () => {
    const system = [9, 1, -100, 2];
    const first = [1, -100, -100, 2, 1, 7, 5, 2];
    const second = [1, -100, 2, 1, 7, 5, 2];
    const tail = [3, 3, -100];
    expect(conversationIds([...system, ...first, ...second, ...tail], tokens)).toEqual([
      ...Array(12).fill(0),
      ...Array(10).fill(1),
    ]);
  });

  test("knows no turn without complete messages", () => {
    expect(conversationIds([], tokens)).toEqual([]);
    expect(conversationIds([-100, 1, 7, 5], tokens)).toEqual([0, 0, 0, 0]);
    // An unfinished question after an answer stays in its turn.
    expect(conversationIds([1, 7, 2, 1, -100], tokens)).toEqual([0, 0, 0, 0, 0]);
  });

  test("agrees with the labels of a conversation", () => {
    const turns = ["user", "assistant", "user", "assistant"].map((role) => ({ role, content: "a dog" }));
    const { labels } = labelConversation(tokenizer, turns, { hasImage: false });
    const ids = conversationIds(labels, { startHeader, eot, assistant: encode("assistant")[0]! });
    expect(ids.at(-1)).toBe(1);
    const starts = labels.flatMap((id, position) => (id === startHeader ? [position] : []));
    expect(ids.indexOf(1)).toBe(starts[3]);
  });
});
