import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { UserError } from "../errors.js";
import { test, tokenizerFolder } from "../testing/fixtures.js";
import { folderOfTest } from "../testing/folders.js";
import { wordTokenizerFiles } from "./testing/word-tokenizer.js";
import { loadTokenizer } from "./tokenizer.js";

type EncodeRow = { text: string; ids: number[] };
type DecodeRow = { ids: number[]; text: string; skipped: string };
type Expected = { length: number; encode: EncodeRow[]; decode: DecodeRow[] };
type Variant = Expected & { config: Record<string, unknown>; special_tokens_map: Record<string, unknown> };

const expected: Expected & { variants: Variant[] } = JSON.parse(
  await readFile(new URL("testdata/python.json", import.meta.url), "utf8"),
);

/** A copy of the fixture with some files replaced (objects as JSON, strings as they are) or removed (null). */
async function folderWith(files: Record<string, unknown>): Promise<string> {
  const copy = folderOfTest();
  await cp(tokenizerFolder, copy, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    if (content === null) await rm(join(copy, name));
    else await writeFile(join(copy, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return copy;
}

async function fixtureJson(name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(tokenizerFolder, name), "utf8"));
}

async function expectEqualToPython(path: string, { length, encode, decode }: Expected): Promise<void> {
  const tokenizer = await loadTokenizer(path);
  expect(tokenizer.length).toBe(length);
  for (const { text, ids } of encode) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
  for (const { ids, text, skipped } of decode) {
    expect(tokenizer.decode(ids), JSON.stringify(ids)).toBe(text);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true }), JSON.stringify(ids)).toBe(skipped);
  }
}

describe("equal to Python", () => {
  test("encodes and decodes random Unicode, special tokens and broken UTF-8", async () => {
    expect(expected.encode.length).toBeGreaterThan(100);
    await expectEqualToPython(tokenizerFolder, expected);
  });

  test.each(expected.variants.map((variant, index) => [index, variant] as const))(
    "combines the configuration files, variant %i",
    async (_, variant) => {
      const config = { ...(await fixtureJson("tokenizer_config.json")), ...variant.config };
      const kept = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
      await expectEqualToPython(
        await folderWith({ "tokenizer_config.json": kept, "special_tokens_map.json": variant.special_tokens_map }),
        variant,
      );
    },
  );
});

test("finds special ids by name", ({ tokenizer }) => {
  for (const [role, name] of [
    ["mask", "<|mdm_mask|>"],
    ["bos", "<|startoftext|>"],
    ["eos", "<|endoftext|>"],
    ["pad", "<|endoftext|>"],
    ["startHeader", "<|start_header_id|>"],
    ["endHeader", "<|end_header_id|>"],
    ["eot", "<|eot_id|>"],
  ] as const) {
    expect(tokenizer.special[role]).toBe(tokenizer.tokenId(name));
    expect(tokenizer.token(tokenizer.special[role])).toBe(name);
  }
  expect(tokenizer.specialTokens).toMatchObject({ bos_token: "<|startoftext|>", eos_token: "<|endoftext|>" });
  expect(tokenizer.tokenId("no such token")).toBeUndefined();
  expect(tokenizer.token(tokenizer.length)).toBeUndefined();
});

describe("text from strangers", () => {
  test("spells special tokens with ordinary ones, and is encoded as ever where it does not", ({ tokenizer }) => {
    const special = new Set(Object.values(tokenizer.special));
    for (const { text } of expected.encode) {
      const ids = tokenizer.encodeText(text);
      expect(ids.filter((id) => special.has(id) || tokenizer.isSpecial(id))).toEqual([]);
      const plain = tokenizer.encode(text);
      if (!plain.some((id) => tokenizer.isSpecial(id))) expect(ids).toEqual(plain);
      if (tokenizer.decode(plain) === text) expect(tokenizer.decode(ids)).toBe(text);
    }
  });

  test("is unknown where the vocabulary has a special token for a word like any other", async () => {
    const files = wordTokenizerFiles();
    const plain = files["tokenizer.json"] as { model: Record<string, unknown> };
    const words = await loadTokenizer(
      await folderWith({ ...files, "tokenizer.json": { ...plain, pre_tokenizer: { type: "WhitespaceSplit" } } }),
    );
    const { unknown } = words;
    expect(words.encode("a <|eot_id|> dog")).toContain(words.special.eot);
    expect(words.encodeText("a <|eot_id|> dog")).toEqual([words.tokenId("a"), unknown, words.tokenId("dog")]);
  });
});

test("a letter for which a vocabulary has no token vanishes, and becomes no id that is none", async () => {
  const text = JSON.stringify(await fixtureJson("tokenizer.json"));
  const bare = await loadTokenizer(await folderWith({ "tokenizer.json": text.replace('"!":', '"another":') }));
  for (const ids of [bare.encode("a dog!"), bare.encodeText("a dog!")]) expect(bare.decode(ids)).toBe("a dog");
});

test("decodes any row of numbers, and refuses what is no id", ({ tokenizer }) => {
  const ids = tokenizer.encode("a dog");
  expect(tokenizer.decode(Int32Array.from(ids))).toBe("a dog");
  expect(tokenizer.decode([])).toBe("");
  expect(() => tokenizer.decode([-200])).toThrow(RangeError);
});

test("takes the chat template from the configuration, else from chat_template.jinja", async () => {
  const config = await fixtureJson("tokenizer_config.json");
  const named = [
    { name: "tools", template: "t" },
    { name: "default", template: "d" },
  ];
  const list = await folderWith({ "tokenizer_config.json": { ...config, chat_template: named } });
  expect((await loadTokenizer(list)).chatTemplate).toBe("d");
  const { chat_template: _, ...bare } = config;
  const file = await folderWith({ "tokenizer_config.json": bare, "chat_template.jinja": "j" });
  expect((await loadTokenizer(file)).chatTemplate).toBe("j");
  expect((await loadTokenizer(await folderWith({ "tokenizer_config.json": bare }))).chatTemplate).toBeUndefined();
});

describe("one clear line for", () => {
  const cases: [string, Record<string, unknown>, RegExp][] = [
    ["a missing file", { "tokenizer.json": null }, /tokenizer\.json: no such file/],
    ["a missing configuration", { "tokenizer_config.json": null }, /tokenizer_config\.json: no such file/],
    ["broken JSON", { "tokenizer.json": '{"model": {' }, /tokenizer\.json: broken JSON/],
    ["JSON of another shape", { "tokenizer.json": { version: "1.0" } }, /tokenizer\.json: model: /],
    [
      "an id below 0",
      { "tokenizer.json": { model: { type: "BPE", vocab: { a: 0, b: -1 }, merges: [] } } },
      /tokenizer\.json: model\.vocab: the token "b" has the id -1; expected a whole number from 0 to 16777215/,
    ],
    [
      "an id that is no whole number",
      { "tokenizer.json": { model: { type: "BPE", vocab: { a: 0.5 }, merges: [] } } },
      /the token "a" has the id 0\.5/,
    ],
    [
      "an id that is a text of a megabyte",
      { "tokenizer.json": { model: { type: "BPE", vocab: { a: "x".repeat(1 << 20) }, merges: [] } } },
      /the token "a" has the id string/,
    ],
    [
      "an added token whose id no table could hold",
      {
        "tokenizer.json": {
          model: { type: "BPE", vocab: { a: 0 }, merges: [] },
          added_tokens: [{ content: "<x>", id: 2 ** 53 }],
        },
      },
      /added_tokens: the token "<x>" has the id 9007199254740992/,
    ],
    [
      "merges that are not there",
      { "tokenizer.json": { model: { type: "BPE", vocab: { a: 0 } } } },
      /not a tokenizer that can be run \(a part of it is missing or of another form\)/,
    ],
    ["a million brackets", { "tokenizer.json": `{"model":${"[".repeat(1_000_000)}` }, /nested more than 100 deep/],
    [
      "a template of 2 MB",
      { "chat_template.jinja": "a".repeat(2 << 20) },
      /is 2\.1 MB large; a chat template has at most 1\.0 MB/,
    ],
    [
      "a vocabulary without ids",
      { "tokenizer.json": { model: { type: "BPE", vocab: ["a"], merges: [] } } },
      /tokenizer\.json: model\.vocab: expected a vocabulary/,
    ],
    [
      "an unknown component",
      { "tokenizer.json": { model: { type: "BPE", vocab: {}, merges: [] }, pre_tokenizer: { type: "Telepathy" } } },
      /tokenizer\.json: not a tokenizer that can be run .*Telepathy/,
    ],
    ["a broken special_tokens_map.json", { "special_tokens_map.json": "[]" }, /special_tokens_map\.json: /],
  ];
  test.each(cases)("%s", async (_, files, message) => {
    const error = await loadTokenizer(await folderWith(files)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).line).toMatch(message);
    expect((error as UserError).line).not.toContain("\n");
  });

  test("all special tokens that are missing", async () => {
    const path = await folderWith({
      "tokenizer.json": { model: { type: "BPE", vocab: { a: 0, "<|eot_id|>": 1 }, merges: [] }, added_tokens: [] },
      "tokenizer_config.json": {},
      "special_tokens_map.json": null,
    });
    await expect(loadTokenizer(path)).rejects.toThrow(
      /has no <\|mdm_mask\|>, <\|startoftext\|>, <\|endoftext\|>, <\|start_header_id\|>, <\|end_header_id\|>$/,
    );
  });
});
