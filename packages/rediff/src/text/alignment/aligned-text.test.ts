/** Texts and their tokens, for tokenizers of every kind: what is read, what is not, and where. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { wordTokenizerFiles, writeWordTokenizer } from "../testing/word-tokenizer.js";
import { alignedEdits, applyEdits } from "../text-edits.js";
import { loadTokenizer, type Tokenizer } from "../tokenizer.js";
import { alignText, unreadOf } from "./aligned-text.js";
import { tokenOffsets } from "./token-offsets.js";

const { at } = folderOfFile();
const kinds: Record<string, Tokenizer> = {};
const of = (kind: string): Tokenizer => kinds[kind] as Tokenizer;

type Json = Record<string, unknown>;

/** The byte-level fixture with another normaliser. */
function bytesWith(name: string, changes: Json): string {
  cpSync(tokenizerFolder, at(name), { recursive: true });
  const path = join(at(name), "tokenizer.json");
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as Json), ...changes }));
  return at(name);
}

/** The world's tokenizer with other parts, and more words. */
function wordsWith(name: string, changes: Json, model: Json = {}, more: readonly string[] = []): string {
  writeWordTokenizer(at(name));
  const plain = wordTokenizerFiles()["tokenizer.json"] as { added_tokens: Json[]; model: { vocab: Json } };
  const { length } = plain.added_tokens;
  const vocab = { ...plain.model.vocab };
  for (const word of more) vocab[word] ??= Object.keys(vocab).length + length;
  const file = { ...plain, ...changes, model: { ...plain.model, ...model, vocab } };
  writeFileSync(join(at(name), "tokenizer.json"), JSON.stringify(file));
  return at(name);
}

const letters = [..."abcdefghijklmnopqrstuvwxyz0123456789", "##s", "##y"];
const bert = {
  type: "BertNormalizer",
  clean_text: true,
  handle_chinese_chars: true,
  strip_accents: null,
  lowercase: true,
};
const builders: Record<string, () => string> = {
  bytes: () => tokenizerFolder,
  "bytes, NFC": () => bytesWith("nfc", { normalizer: { type: "NFC" } }),
  "bytes, NFKC and lower case": () =>
    bytesWith("nfkc", { normalizer: { type: "Sequence", normalizers: [{ type: "NFKC" }, { type: "Lowercase" }] } }),
  words: () => wordsWith("words", {}),
  "pieces of words": () =>
    wordsWith("bert", { normalizer: bert, pre_tokenizer: { type: "BertPreTokenizer" } }, {}, [
      "##s",
      "##es",
      "ze",
      "##bra",
    ]),
  "words, digits dropped": () =>
    wordsWith("digits", {
      pre_tokenizer: { type: "Split", pattern: { Regex: "[\\s0-9]+" }, behavior: "Removed", invert: false },
    }),
  "characters, some unknown": () =>
    wordsWith("characters", { decoder: null }, { type: "BPE", merges: [], unk_token: "<unk>", vocab: {} }, letters),
  "spaces as signs": () =>
    wordsWith(
      "metaspace",
      {
        normalizer: { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "\u2581" }, { type: "Lowercase" }] },
        pre_tokenizer: { type: "Metaspace", replacement: "\u2581", prepend_scheme: "first", split: true },
        decoder: { type: "Metaspace", replacement: "\u2581", prepend_scheme: "first" },
      },
      { type: "BPE", merges: ["\u2581 a", "o g", "d og"], unk_token: "<unk>" },
      ["\u2581", "\u2581a", "og", "dog", ...letters],
    ),
};

beforeAll(async () => {
  for (const [kind, build] of Object.entries(builders)) kinds[kind] = await loadTokenizer(build());
});

const piece = fc.oneof(
  fc.constantFrom("a", "dog", "Dog", "CATS", "zebra", "is", "at", "the", "top", "left", ".", ",", "!", "'", "-"),
  fc.constantFrom(" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\ufeff", "\u200b", "\u00ad", "\u2028"),
  fc.constantFrom(
    "\u{1f993}",
    "\u{1f469}\u200d\u{1f467}",
    "\u2764\ufe0f",
    "\u{1f1e9}\u{1f1ea}",
    "\u0301",
    "e\u0301",
    "\u00e9",
  ),
  fc.constantFrom(
    "\ufb01",
    "\u0130",
    "\u03a3",
    "\u1e9e",
    "\u4e2d",
    "\ud55c",
    "\u1112\u1161\u11ab",
    "\u212b",
    "\ud83e",
    "\udd93",
  ),
  fc.constantFrom("<unk>", "<|eot_id|>", "<|mdm_mask|>", "<image>", "\u2581", "7", "12", "\u{10ffff}", "\ufffd"),
  fc.string({ unit: "binary", maxLength: 3 }),
);
const typed = fc.array(piece, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(""));
const VISIBLE = /[^\s\p{Cc}\p{Cf}\p{Z}\p{Variation_Selector}]/gu;

describe.each(Object.keys(builders))("%s", (kind) => {
  test("every visible character is read by one token, or unread; no token is a special one", () => {
    const tokenizer = of(kind);
    const special = new Set(Object.values(tokenizer.special));
    fc.assert(
      fc.property(typed, fc.boolean(), (text, words) => {
        const { ids, spans, fixed, unread } = alignText(tokenizer, text, { words });
        expect(spans).toHaveLength(ids.length);
        const owner = new Array<string | undefined>(text.length);
        let end = 0;
        for (const [i, span] of spans.entries()) {
          expect(span.start).toBeGreaterThanOrEqual(end);
          expect(span.end).toBeGreaterThanOrEqual(span.start);
          end = span.end;
          owner.fill(fixed.includes(i) ? undefined : "read", span.start, span.end);
          if (!fixed.includes(i)) expect(special.has(ids[i] as number)).toBe(false);
        }
        expect(end).toBeLessThanOrEqual(text.length);
        end = 0;
        for (const part of unread) {
          expect(part.start).toBeGreaterThanOrEqual(end);
          expect(part.text).toBe(text.slice(part.start, part.end));
          expect(part.text).toMatch(VISIBLE);
          for (let unit = part.start; unit < part.end; unit++) expect(owner[unit]).toBeUndefined();
          owner.fill("unread", part.start, part.end);
          end = part.end;
        }
        for (const { 0: character, index } of text.matchAll(VISIBLE))
          expect(owner[index], `${JSON.stringify(character)} of ${JSON.stringify(text)}`).toBeDefined();
      }),
      { numRuns: 150 },
    );
  });

  test("whatever is written in the tokens' places: edits lead to the text, and what is unread stays", () => {
    const tokenizer = of(kind);
    const numbers = fc.infiniteStream(fc.nat());
    fc.assert(
      fc.property(typed, numbers, (text, stream) => {
        const draft = alignText(tokenizer, text, { words: true });
        const after = draft.ids.map((id, i) => {
          const other = stream.next().value as number;
          return draft.fixed.includes(i) || other % 3 === 0 ? id : other % (tokenizer.length - 9);
        });
        const made = alignedEdits(
          tokenizer,
          draft,
          after,
          after.map(() => 0.5),
        );
        expect(applyEdits(text, made.edits)).toBe(made.text);
        let end = 0;
        for (const edit of made.edits) {
          expect(edit.start).toBeGreaterThanOrEqual(end);
          expect(text.slice(edit.start, edit.end)).toBe(edit.from);
          // An insertion takes nothing away: between two unread characters, a token without characters may have stood.
          const replaced = edit.start < edit.end ? draft.unread : [];
          for (const part of replaced) expect(part.end <= edit.start || part.start >= edit.end).toBe(true);
          end = edit.end;
        }
      }),
      { numRuns: 100 },
    );
  });

  test("a long text takes no longer than its length asks for", () => {
    const text = "A dog\u00e9 is at the top left.\r\n\u{1f993} zebra1 ".repeat(2500);
    const { spans } = alignText(of(kind), text);
    expect(spans.length).toBeGreaterThan(2500);
    expect(spans.at(-1)?.end).toBeGreaterThan(text.length - 9);
  }, 30_000);
});

describe("bytes", () => {
  test("ids are the tokenizer's own, spans its tokens' characters, nothing is unread", () => {
    const tokenizer = of("bytes");
    fc.assert(
      fc.property(typed, (text) => {
        const { ids, spans, unread } = alignText(tokenizer, text, { words: true });
        expect(ids).toEqual(tokenizer.encodeText(text));
        expect(unread).toEqual([]);
        const decoded = tokenizer.decode(ids);
        if (decoded !== text) return; // half a surrogate pair
        const offsets = ids.length === 0 ? [] : tokenOffsets(tokenizer, ids, text);
        expect(spans.flatMap(({ start, end }, i) => (i === 0 ? [start, end] : [end]))).toEqual(offsets);
      }),
      { numRuns: 150 },
    );
  });

  test("a composed character is the two that were typed", () => {
    const { spans } = alignText(of("bytes, NFC"), "e\u0301a");
    expect(spans.at(-1)).toEqual({ start: 2, end: 3 });
    expect(spans.at(-2)?.end).toBe(2);
  });

  test("offsets are those of the decoded beginnings", () => {
    const tokenizer = of("bytes");
    const ids = fc.array(fc.nat(tokenizer.length - 1), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(ids, (list) => {
        const text = tokenizer.decode(list);
        const offsets = tokenOffsets(tokenizer, list, text);
        expect(offsets).toHaveLength(list.length + 1);
        if (text.includes("\ufffd")) return;
        for (let i = 0; i < list.length; i++) {
          const beginning = tokenizer.decode(list.slice(0, i)).replace(/\ufffd+$/, "");
          expect(offsets[i]).toBe(beginning.length);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("words", () => {
  test("a read token's characters are its word, in any case", () => {
    const tokenizer = of("words");
    fc.assert(
      fc.property(typed, (text) => {
        const { ids, spans, fixed } = alignText(tokenizer, text);
        for (const [i, { start, end }] of spans.entries())
          if (!fixed.includes(i)) expect(text.slice(start, end).toLowerCase()).toBe(tokenizer.token(ids[i] as number));
      }),
      { numRuns: 150 },
    );
  });

  test.each<[string, string[]]>([
    ["A zebra\u2019s dog", ["zebra\u2019s"]],
    ["dog\u0301 and dog", ["dog\u0301"]],
    ["DOG\u0301a dog", ["DOG\u0301"]],
    ["\u{1f469}\u200d\u{1f467}!", ["\u{1f469}\u200d\u{1f467}"]],
    ["cr\u00adab dog\u200b", ["cr\u00adab"]],
    ["<|eot_id|> <unk> a", ["<|eot_id|>", "<unk>"]],
    ["\ufeffA dog\r\n\t", []],
    ["the \ud83e dog", ["\ud83e"]],
  ])("%j", (text, unread) => {
    expect(unreadOf(of("words"), text).map((part) => part.text)).toEqual(unread);
  });

  test("white space is layout, and no token, where a text is to be proofread", () => {
    const text = "a dog.\n\nA cat.";
    expect(alignText(of("words"), text).ids).toHaveLength(8);
    expect(alignText(of("words"), text, { words: true }).ids).toEqual(of("words").encode("a dog. a cat."));
  });
});

test("what a tokenizer drops is unread where it can be seen", () => {
  expect(unreadOf(of("words, digits dropped"), "a 12 dog").map(({ text }) => text)).toEqual(["12"]);
});
