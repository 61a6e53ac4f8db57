/** A bound for a text's length is honest: no text that fits is longer. */
import { describe, expect, test } from "vitest";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { folderOfTest } from "../../testing/folders.js";
import { writeWordTokenizer } from "../testing/word-tokenizer.js";
import { loadTokenizer } from "../tokenizer.js";
import { readTokenizerFiles } from "../tokenizer-files.js";
import { longestToken } from "./longest-token.js";

const files = await readTokenizerFiles(tokenizerFolder);
type Parts = Partial<typeof files.tokenizer>;
const longest = (parts: Parts, added = files.tokenizer.added_tokens) =>
  longestToken({ ...files, tokenizer: { ...files.tokenizer, ...parts } }, added);

describe("bytes that a token stands for at most", () => {
  test("are those of the longest spelling where every byte is written", async () => {
    const tokenizer = await loadTokenizer(tokenizerFolder);
    const spellings = Array.from({ length: tokenizer.length }, (_, id) => tokenizer.token(id) ?? "");
    expect(tokenizer.longestToken).toBe(Math.max(...spellings.map((spelling) => spelling.length)));
    for (const text of ["a".repeat(500), "e\u0301".repeat(200), "\u{1f600}".repeat(99), " ".repeat(300), "\ud800x"])
      expect(tokenizer.encode(text).length * (tokenizer.longestToken ?? 0)).toBeGreaterThanOrEqual(
        Buffer.byteLength(text),
      );
  });

  test("grow with normal forms that shorten a text", () => {
    const plain = longest({}) ?? 0;
    expect(longest({ normalizer: { type: "NFC" } })).toBe(3 * plain);
    expect(Buffer.byteLength("\u1100\u1161\u11a8")).toBe(3 * Buffer.byteLength("\u1100\u1161\u11a8".normalize("NFC")));
    expect(Buffer.byteLength("\u{1d400}")).toBe(4 * Buffer.byteLength("\u{1d400}".normalize("NFKC")));
    const both = { type: "Sequence", normalizers: [{ type: "NFD" }, { type: "NFC" }] };
    expect(longest({ normalizer: both })).toBe(9 * plain);
  });

  test("are no number where something may be dropped, or swallowed", async () => {
    const words = folderOfTest();
    writeWordTokenizer(words);
    expect((await loadTokenizer(words)).longestToken).toBeUndefined();
    for (const type of ["Lowercase", "StripAccents", "Replace", "Strip", "new"])
      expect(longest({ normalizer: { type } })).toBeUndefined();
    const byteLevel = { type: "ByteLevel" };
    const removing = { type: "Split", behavior: "Removed" };
    expect(longest({ pre_tokenizer: { type: "Sequence", pretokenizers: [removing, byteLevel] } })).toBeUndefined();
    expect(longest({ pre_tokenizer: { type: "Whitespace" } })).toBeUndefined();
    expect(longest({ model: { ...files.tokenizer.model, type: "WordPiece" } })).toBeUndefined();
    const [first] = files.tokenizer.added_tokens;
    expect(longest({}, [{ ...first!, lstrip: true }])).toBeUndefined();
    expect(longest({ model: { ...files.tokenizer.model, vocab: { a: 0 } } })).toBeUndefined();
  });
});
