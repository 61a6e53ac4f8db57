/** Components of a stranger's tokenizer.json: none takes a thread for ever, none makes a letter a megabyte. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { loadTokenizer, type Tokenizer } from "../tokenizer.js";

const special = ["mdm_mask", "startoftext", "endoftext", "start_header_id", "end_header_id", "eot_id"];
const names = special.map((name) => `<|${name}|>`);
const vocab = Object.fromEntries([..."abc !", ...names].map((token, id) => [token, id]));
const added = names.map((content) => ({ content, id: vocab[content], special: true, normalized: false }));

/** Of a folder with this tokenizer. */
async function loaded(folder: string, parts: Record<string, unknown>): Promise<Tokenizer> {
  const { model = {}, ...rest } = parts;
  const whole = { model: { type: "BPE", vocab, merges: [], ...Object(model) }, added_tokens: added, ...rest };
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(whole));
  await writeFile(join(folder, "tokenizer_config.json"), "{}");
  return loadTokenizer(folder);
}

const sequence = (key: string, part: object, times: number) => ({
  type: "Sequence",
  [key]: Array.from({ length: times }, () => part),
});
const split = (Regex: string) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false });

describe("refused when it is read:", () => {
  test.for<[string, Record<string, unknown>, RegExp]>([
    [
      "a replacement of a megabyte",
      { normalizer: { type: "Replace", pattern: { String: "a" }, content: "b".repeat(1 << 20) } },
      /normalizer: may make a text 1048576 times as long; at most 32 times/,
    ],
    [
      "a letter that doubles, and doubles",
      {
        normalizer: sequence("normalizers", { type: "Replace", pattern: { String: "a" }, content: "aa" }, 40),
      },
      /may make a text 1099511627776 times as long/,
    ],
    [
      "bytes of bytes of bytes",
      { pre_tokenizer: sequence("pretokenizers", { type: "ByteLevel" }, 30) },
      /pre_tokenizer: may make a text 536870912 times/,
    ],
    [
      "groups that are kept between the pieces",
      { pre_tokenizer: { ...split("(".repeat(100) + ")".repeat(100)), behavior: "Removed" } },
      /may make a text 101 times/,
    ],
    [
      "a decoder that finds nothing everywhere",
      { decoder: sequence("decoders", { type: "BPEDecoder", suffix: "" }, 30) },
      /decoder: may make a text/,
    ],
    [
      "a thousand components",
      { pre_tokenizer: sequence("pretokenizers", { type: "Whitespace" }, 1000) },
      /1000 components; at most 64/,
    ],
    ["pieces of no letter", { pre_tokenizer: { type: "FixedLength", length: 0 } }, /FixedLength has the length 0/],
    [
      "ten thousand added tokens",
      {
        added_tokens: Array.from({ length: 10_000 }, (_, id) => ({ content: `<x${id}>`, id: id + 20, special: true })),
      },
      /the tokenizer has 10000 added tokens; at most 8192/,
    ],
    ["a pattern of a megabyte", { pre_tokenizer: split("a".repeat(1 << 20)) }, /a pattern of 1048576 letters/],
    [
      "a suffix of a megabyte",
      { model: { end_of_word_suffix: "a".repeat(1 << 20) } },
      /end_of_word_suffix has 1048576/,
    ],
  ])("%s", async ([, parts, problem], { folder }) => {
    await expect(loaded(folder, parts)).rejects.toThrow(problem);
  });
});

describe("stopped, wherever it is:", () => {
  const slow = "(a+)+!";
  const text = "a".repeat(60);
  const took = (what: string) =>
    new RegExp(`the model's tokenizer.json: its ${what} took more than 502 ms with a text of 60 letters`);

  test("a pattern of the pre-tokenizer", async ({ folder }) => {
    const tokenizer = await loaded(folder, { pre_tokenizer: split(slow) });
    expect(() => tokenizer.encode(text)).toThrow(took("splitter"));
    expect(() => tokenizer.encodeText(text)).toThrow(took("splitter"));
    expect(() => tokenizer.stages.split(text)).toThrow(took("splitter"));
    expect(tokenizer.encode("aaa!b"), "others are read as ever").toEqual([0, 0, 0, 4, 1]);
  });

  test("a pattern of the normalizer, which added tokens go through, too", async ({ folder }) => {
    const normalizer = { type: "Replace", pattern: { Regex: slow }, content: "c" };
    const tokenizer = await loaded(folder, { normalizer });
    expect(() => tokenizer.encode(text)).toThrow(took("normalizer"));
    expect(() => tokenizer.stages.normalize(text)).toThrow(took("normalizer"));
    expect(tokenizer.encode("baaa!b"), "b, c, b").toEqual([1, 2, 1]);
    const hostile = { content: text, id: 20, special: false, normalized: true };
    await expect(loaded(folder, { normalizer, added_tokens: [...added, hostile] })).rejects.toThrow(took("normalizer"));
  });

  test("a pattern of the decoder", async ({ folder }) => {
    const decoder = {
      type: "Sequence",
      decoders: [{ type: "Fuse" }, { type: "Replace", pattern: { Regex: slow }, content: "c" }],
    };
    const tokenizer = await loaded(folder, { decoder });
    expect(() => tokenizer.decode(tokenizer.encode(text))).toThrow(/its decoder took .* with a text of 60 tokens/);
    expect(tokenizer.decode(tokenizer.encode("aa!"))).toBe("c");
  });

  test("words that are looked for in all their parts", async ({ folder }) => {
    const model = { type: "WordPiece", unk_token: "!", max_input_chars_per_word: 1e9, continuing_subword_prefix: "" };
    const tokenizer = await loaded(folder, { model });
    expect(() => tokenizer.encode("z".repeat(20_000))).toThrow(/its model took more than 900 ms/);
  });
});

describe("patterns in use take time in proportion to the text, whatever it is", () => {
  test.for([
    ["GPT-2's", String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`],
    [
      "LLaDA's",
      String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
    ],
    [
      "LLaMA 3's",
      String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ],
    [
      "Qwen 2's",
      String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ],
    ["the embedded model's", String.raw`\n|[\p{L}\p{N}'-]+|[^\s\p{L}\p{N}]`],
  ])("%s", async ([, pattern], { folder }) => {
    const tokenizer = await loaded(folder, { pre_tokenizer: split(String(pattern)) });
    for (const unit of ["a", "1", " ", "\n", "\r\n ", "'", "!", " !\n", "a ", "a\u0301", "\0"]) {
      const text = unit.repeat(200_000 / unit.length);
      const started = performance.now();
      for (const end of ["", "a", "!"]) tokenizer.stages.split(text + end);
      // What takes quadratic time takes minutes for it.
      expect(performance.now() - started, JSON.stringify(unit)).toBeLessThan(20_000);
    }
  });
});
