/** Text that can never fit is refused by its length, and by no more than that. */
import { describe, expect, test } from "vitest";
import { embeddedModelFolder } from "../../embedded.js";
import { OptionError } from "../../errors.js";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { loadTokenizer, type Tokenizer } from "../../text/tokenizer.js";
import type { AskableModel } from "../model-facts.js";
import type { Asked } from "../request.js";
import { resolveRequest } from "../resolve.js";
import { assertContents, assertQuestion, textRoom } from "./text-room.js";

const bytes = await loadTokenizer(tokenizerFolder);
const words = await loadTokenizer(embeddedModelFolder());
const POSITIONS = 256;

/** Counts what it is asked for. */
function modelOf(tokenizer: Tokenizer): AskableModel & { encoded: number } {
  const { longestToken } = tokenizer;
  const counted = {
    encoded: 0,
    facts: {
      ...{ folder: "model", defaults: {}, sceneWorld: false, tiling: undefined },
      ...{ maxPositions: POSITIONS, reach: POSITIONS, longestToken },
    },
    tokenizer: {
      ...tokenizer,
      encode: (text: string) => {
        counted.encoded += text.length;
        return tokenizer.encode(text);
      },
      encodeText: (text: string) => {
        counted.encoded += text.length;
        return tokenizer.encodeText(text);
      },
    },
  };
  return counted;
}

function refusal(model: AskableModel, asked: Asked): OptionError {
  try {
    resolveRequest(model, 0, asked);
  } catch (error) {
    if (error instanceof OptionError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

const user = (content: string) => ({ role: "user", content });
const describing = (options: Extract<Asked, { kind: "describe" }>["options"]): Asked => ({ kind: "describe", options });
const MEGABYTE = 1 << 20;

describe.each([
  ["a tokenizer that writes every byte", bytes],
  ["a tokenizer of words", words],
])("%s", (_, tokenizer) => {
  const room = textRoom(modelOf(tokenizer).facts);
  const over = "a cat ".repeat(MEGABYTE / 6);
  const piece = "a cat ".repeat(Math.ceil(room / 6 / 500) + 1);

  test.each<[string, Asked, string]>([
    ["a prompt", describing({ prompt: over }), "prompt"],
    ["a message", describing({ messages: [user("hi"), user(over)] }), "messages[1].content"],
    ["messages that fit one by one", describing({ messages: Array(500).fill(user(piece)) }), "messages"],
    ["a system text", describing({ prompt: "hi", system: over }), "system"],
    ["a draft to begin with", describing({ draft: over }), "draft"],
    ["a suffix", describing({ suffix: over }), "suffix"],
    ["a stop text", describing({ stop: ["x", over] }), "stop"],
    ["a draft", { kind: "refine", draft: over, options: {} }, "draft"],
    ["a template", { kind: "fill", template: `${over}[[2]]`, options: {} }, "template"],
    ["a template's texts", { kind: "fill", template: `[[2]]${piece}`.repeat(500), options: {} }, "template"],
    ["blanks", { kind: "fill", template: "[[1]]".repeat(POSITIONS), options: {} }, "template"],
    ["a template's prompt", { kind: "fill", template: "[[2]]", options: { prompt: over } }, "prompt"],
  ])("%s: refused by name before it is tokenized", (_, asked, option) => {
    const model = modelOf(tokenizer);
    const error = refusal(model, asked);
    expect([error.option, error.problem]).toEqual([option, "context_length"]);
    expect(model.encoded).toBe(0);
  });

  test.each<[string, string]>([
    ["letters", "a"],
    ["letters in turns", "ab"],
    ["blanks", " "],
    ["marks", "\u0301"],
    ["halves of characters", "\ud800"],
    ["emoji", "\u{1f600}"],
    ["backslashes", "\\"],
    ["images", "<image>"],
    ["special tokens", "<|eot_id|>"],
    ["private signs", "\ue000\u{f0000}"],
  ])("%s: a megabyte of them is no work", (_, unit) => {
    const model = modelOf(tokenizer);
    const text = unit.repeat(MEGABYTE / unit.length);
    expect(refusal(model, { kind: "refine", draft: text, options: {} }).option).toBe("draft");
    // White space at a message's ends is none of the prompt's: it is no reason to refuse it.
    if (text.trim() !== "") expect(refusal(model, describing({ prompt: text })).option).toBe("prompt");
    expect(model.encoded).toBe(0);
  });

  test.each<[string, (facts: AskableModel["facts"]) => void, string]>([
    ["a message", (facts) => assertContents(facts, [["hi"], [over]]), "messages[1].content"],
    ["its parts", (facts) => assertContents(facts, [Array(500).fill(piece)]), "messages[0].content"],
    ["all messages", (facts) => assertContents(facts, Array(500).fill([piece])), "messages"],
    ["padding", (facts) => assertContents(facts, [[`hi${" ".repeat(9 * room)}`]]), "messages[0].content"],
    ["a question", (facts) => assertQuestion(facts, over), "prompt"],
  ])("%s of a client: refused as it came", (_, judge, option) => {
    expect(() => judge(modelOf(tokenizer).facts)).toThrow(
      expect.objectContaining({ option, problem: "context_length" }),
    );
    assertContents(modelOf(tokenizer).facts, [["hi", " ".repeat(room)], ["<image>"]]);
    assertQuestion(modelOf(tokenizer).facts, null);
  });

  test("what fits is not refused for its length", () => {
    const model = modelOf(tokenizer);
    const blanks = " ".repeat(room);
    expect(resolveRequest(model, 0, describing({ prompt: `${blanks}hi${blanks}` })).ids.length).toBeLessThan(POSITIONS);
    const longest = tokenizer.tokenId("<|start_header_id|>") === undefined ? "zq".repeat(room / 2) : "";
    if (longest !== "")
      expect(resolveRequest(model, 0, describing({ prompt: longest })).ids.length).toBeLessThan(POSITIONS);
  });

  test("a draft or a template of too many tokens is counted, not aligned", () => {
    const model = modelOf(tokenizer);
    const text = "cat ".repeat(POSITIONS + 1);
    for (const asked of [
      { kind: "refine", draft: text, options: {} },
      { kind: "fill", template: `${text}[[2]]`, options: {} },
    ] as const)
      expect(refusal(model, asked)).toMatchObject({ option: asked.kind === "refine" ? "draft" : "template" });
    expect(model.encoded).toBeLessThan(3 * text.length);
  });
});
