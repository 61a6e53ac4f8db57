import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { tokenizerFolder } from "../testing/fixtures.js";
import { encodePrompt, imagePlaceholder } from "./image-tokens.js";
import { loadTokenizer } from "./tokenizer.js";

const tokenizer = await loadTokenizer(tokenizerFolder);
const encode = (text: string) => tokenizer.encode(text);

describe("legacy join", () => {
  test("loses the first token after every picture when the prompt starts with BOS", () => {
    const ids = encodePrompt(tokenizer, "<|startoftext|>x<image>\na dog<image> <image>\nb", { join: "legacy" });
    expect(ids).toEqual([
      tokenizer.special.bos,
      ...encode("x"),
      imagePlaceholder,
      ...encode("\na dog").slice(1),
      imagePlaceholder,
      imagePlaceholder,
      ...encode("\nb").slice(1),
    ]);
  });

  test("loses nothing without BOS", () => {
    const prompt = "a<image>\nb<image>c";
    expect(encodePrompt(tokenizer, prompt, { join: "legacy" })).toEqual(
      encodePrompt(tokenizer, prompt, { join: "correct" }),
    );
    expect(encodePrompt(tokenizer, "", { join: "legacy" })).toEqual([]);
  });
});

test("correct join keeps every token: one placeholder for each <image>, chunks as they are alone", () => {
  const chunk = fc.constantFrom("", " ", "\n", "dog", "<|startoftext|>", "<|eot_id|>x", "\u00fcber ");
  fc.assert(
    fc.property(fc.array(chunk, { minLength: 1, maxLength: 5 }), (chunks) => {
      const ids = encodePrompt(tokenizer, chunks.join("<image>"), { join: "correct", images: chunks.length - 1 });
      expect(ids).toEqual(chunks.flatMap((text, i) => (i === 0 ? encode(text) : [imagePlaceholder, ...encode(text)])));
    }),
  );
});

test("refuses a prompt with more or fewer <image> than pictures", () => {
  const count = (prompt: string, images: number) => encodePrompt(tokenizer, prompt, { join: "legacy", images });
  expect(() => count("no picture", 1)).toThrow(UserError);
  expect(() => count("no picture", 1)).toThrow("the prompt has 0 <image> for 1 picture");
  expect(() => count("<image><image>", 3)).toThrow("the prompt has 2 <image> for 3 pictures");
  expect(() => count("<image>", 0)).toThrow("the prompt has 1 <image> for 0 pictures");
  expect(count("<image>", 1)).toEqual([imagePlaceholder]);
});
