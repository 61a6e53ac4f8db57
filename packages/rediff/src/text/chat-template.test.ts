import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { tokenizerFolder } from "../testing/fixtures.js";
import { defaultSystemText, pairContent, placeImages, renderPrompt } from "./chat-template.js";
import { loadTokenizer, type Tokenizer } from "./tokenizer.js";

type Chat = { messages: { role: string; content: string }[]; prompt: string };

const tokenizer = await loadTokenizer(tokenizerFolder);
const chats: Chat[] = JSON.parse(await readFile(new URL("testdata/python.json", import.meta.url), "utf8")).chat;

const header = (role: string) => `<|start_header_id|>${role}<|end_header_id|>\n\n`;

test("renders the tokenizer's template as Python does", () => {
  expect(chats.length).toBeGreaterThan(5);
  for (const { messages, prompt } of chats) {
    const [system, ...rest] = messages;
    // Python renders an empty message that it is given; the reference does not give it one.
    if (rest.some(({ content }) => content === "")) continue;
    expect(renderPrompt(tokenizer, rest, { system: system!.content })).toBe(prompt);
  }
});

test("starts with BOS and the default system text, trims, and always opens the next answer", () => {
  expect(renderPrompt(tokenizer, [{ role: "user", content: "  Hi \n" }])).toBe(
    `<|startoftext|>${header("system")}${defaultSystemText}<|eot_id|>${header("user")}Hi<|eot_id|>${header("assistant")}`,
  );
  const answered = [
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Yo" },
  ];
  const prompt = renderPrompt(tokenizer, answered, { system: "S" });
  expect(prompt.endsWith(`${header("assistant")}Yo<|eot_id|>${header("assistant")}`)).toBe(true);
});

test("leaves empty messages out, but keeps an empty system message", () => {
  const messages = [
    { role: "user", content: "Hi" },
    { role: "assistant", content: null },
    { role: "user", content: "" },
  ];
  expect(renderPrompt(tokenizer, messages, { system: "" })).toBe(
    `<|startoftext|>${header("system")}<|eot_id|>${header("user")}Hi<|eot_id|>${header("assistant")}`,
  );
});

describe("llada_plain", () => {
  const plain = (messages: { role: string; content: string | null }[]) =>
    renderPrompt(tokenizer, messages, { template: "llada_plain" });

  test("is the picture, and the caption if there is one", () => {
    const question = { role: "user", content: "<image>\nDescribe." };
    expect(plain([question])).toBe("<image>");
    expect(plain([question, { role: "assistant", content: null }])).toBe("<image>");
    expect(plain([question, { role: "assistant", content: "A dog." }])).toBe("<image>A dog.\n");
  });

  test.each([
    [[]],
    [[{ role: "user", content: "Describe." }]],
    [[{ role: "assistant", content: "<image>" }]],
    [Array(3).fill({ role: "user", content: "<image>" })],
  ])("refuses other conversations (%#)", (messages) => {
    expect(() => plain(messages)).toThrow(UserError);
  });
});

test("puts pictures before a question that does not place them", () => {
  expect(placeImages("What?", 0)).toBe("What?");
  expect(placeImages("What?", 1)).toBe("<image>\nWhat?");
  expect(placeImages("What?", 3)).toBe("<image> <image> <image>\nWhat?");
  expect(placeImages("Compare <image> with <image>", 2)).toBe("Compare <image> with <image>");
});

test("writes (text, images) pairs as the reference does", () => {
  expect(pairContent("Compare.", 2, true)).toBe("<image>\nCompare.");
  expect(pairContent(" a <image>b", 1, true)).toBe("<image>\na b");
  expect(pairContent("<image> a", 1, true)).toBe("<image> a");
  expect(pairContent("Compare.", 2, false)).toBe("<image><image>Compare.");
});

test("says which folder has no template, or one that cannot be rendered", () => {
  const without = (chatTemplate: string | undefined): Tokenizer => ({ ...tokenizer, chatTemplate });
  expect(() => renderPrompt(without(undefined), [])).toThrow(/testdata.tokenizer: the tokenizer has no chat template/);
  expect(() => renderPrompt(without("{% for %}"), [])).toThrow(/chat template cannot be rendered/);
  expect(() => renderPrompt(without("{{ raise_exception('no system') }}"), [])).toThrow(/no system/);
});
