import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeWordTokenizer } from "../../text/testing/word-tokenizer.js";
import { loadTokenizer, type Tokenizer } from "../../text/tokenizer.js";
import { parseTemplate } from "./fill-template.js";
import { type Form, formOf, readForm } from "./template-form.js";

const { path: root } = folderOfFile();
let bytes: Tokenizer;
let words: Tokenizer;

beforeAll(async () => {
  bytes = await loadTokenizer(tokenizerFolder);
  writeWordTokenizer(root);
  words = await loadTokenizer(root);
});

const form = (tokenizer: Tokenizer, source: string) => formOf(tokenizer, parseTemplate(source));
/** "_" for a mask. */
const spelled = (tokenizer: Tokenizer, { ids }: Form) =>
  ids.map((id) => (id === tokenizer.special.mask ? "_" : (tokenizer.token(id) ?? "?").replace("\u0120", " ")));

/** Fills the blanks with the tokens of texts, which must be as many as the masks. */
function filled(tokenizer: Tokenizer, source: string, ...texts: string[]) {
  const { unread: _, ...result } = filledAll(tokenizer, source, ...texts);
  return result;
}

function filledAll(tokenizer: Tokenizer, source: string, ...texts: string[]) {
  const made = form(tokenizer, source);
  const tokens = texts.flatMap((text) => tokenizer.encode(text));
  const masks = made.ids.filter((id) => id === tokenizer.special.mask).length;
  expect(tokens).toHaveLength(masks);
  return readForm(
    tokenizer,
    made,
    made.ids.map((id) => (id === tokenizer.special.mask ? (tokens.shift() as number) : id)),
  );
}

function isAllowed(made: Form, position: number, id: number): boolean {
  return !made.banned.some(({ ids, positions }) => (positions?.includes(position) ?? true) && ids.includes(id));
}

describe("a byte-level vocabulary", () => {
  test("the space before a blank is left to its first token, which has to begin with one", () => {
    const made = form(bytes, "A [[2]] is the [[1]].");
    expect(spelled(bytes, made)).toEqual(["A", "_", "_", " is", " the", "_", "."]);
    expect(made.fixed).toEqual([0, 3, 4, 6]);
    const [space, spacedThe, the] = [bytes.encode(" ")[0], bytes.encode(" the")[0], bytes.encode("the")[0]] as number[];
    expect([1, 2, 5].map((at) => isAllowed(made, at, spacedThe!))).toEqual([true, true, true]);
    expect([1, 2, 5].map((at) => isAllowed(made, at, the!))).toEqual([false, true, false]);
    // Where there is one token only, a space alone would leave the blank empty.
    expect([1, 2, 5].map((at) => isAllowed(made, at, space!))).toEqual([true, true, false]);
  });

  test("the text: what was fixed as it was, a blank without the template's space", () => {
    expect(filled(bytes, "A [[1]] is the [[1]].", " on", " the")).toEqual({
      text: "A on is the the.",
      blanks: [
        { start: 2, end: 4, text: "on" },
        { start: 12, end: 15, text: "the" },
      ],
    });
    // Nothing is set where the template has no space, and a model's own space stays.
    expect(filled(bytes, "A[[1]]is", " the").text).toBe("A theis");
    expect(filled(bytes, "A\n[[1]]", " the").text).toBe("A\n the");
    expect(filled(bytes, " [[1]]", " the")).toEqual({ text: " the", blanks: [{ start: 1, end: 4, text: "the" }] });
    expect(filled(bytes, "[[1]] [[1]]", ",", " the").text).toBe(", the");
  });

  test("half characters in a blank do not touch what is fixed; two blanks may share one", () => {
    const [first, second] = bytes.encode("\u00e9") as [number, number];
    expect(bytes.encode("\u00e9")).toHaveLength(2);
    const cut = form(bytes, "[[1]]is");
    expect(readForm(bytes, cut, [first, ...cut.ids.slice(1)]).text).toBe("\ufffdis");
    const shared = form(bytes, "A[[1]][[1]].");
    expect(readForm(bytes, shared, [shared.ids[0]!, first, second, shared.ids[3]!])).toMatchObject({
      text: "A\u00e9.",
      blanks: [
        { start: 1, end: 1, text: "" },
        { start: 1, end: 2, text: "\u00e9" },
      ],
    });
  });
});

describe("a vocabulary of words", () => {
  test("spaces and case of the template stay, others are set between words", () => {
    const made = form(words, "A [[2]] is at the [[2]].");
    expect(spelled(words, made)).toEqual(["a", "_", "_", "is", "at", "the", "_", "_", "."]);
    expect(filled(words, "A [[2]] is at the [[2]].", "green apple", "top left")).toEqual({
      text: "A green apple is at the top left.",
      blanks: [
        { start: 2, end: 13, text: "green apple" },
        { start: 24, end: 32, text: "top left" },
      ],
    });
    expect(filled(words, "A\n  [[1]]\n\nis", "apple").text).toBe("A\n  apple\n\nis");
    expect(filled(words, "A[[1]]is[[1]][[1]].", "apple", "left", ".")).toEqual({
      text: "A apple is left..",
      blanks: [
        { start: 1, end: 8, text: " apple " },
        { start: 10, end: 15, text: " left" },
        { start: 15, end: 16, text: "." },
      ],
    });
    expect(filled(words, "[[1]] [[1]]", "apple", "left").text).toBe("apple left");
  });

  test("what it has no word for stays, is named by its place in the text, and keeps its place among the tokens", () => {
    const source = "A zebra [[1]] is at\nthe\u00a0\u{1f993} [[1]] <|eot_id|>.";
    const made = form(words, source);
    expect(spelled(words, made)).toEqual(["a", "<unk>", "_", "is", "at", "\n", "the", "<unk>", "_", "<unk>", "."]);
    const { text, unread } = filledAll(words, source, "apple", "left");
    expect(text).toBe("A zebra apple is at\nthe\u00a0\u{1f993} left <|eot_id|>.");
    expect(unread.map(({ start, end }) => text.slice(start, end))).toEqual(["zebra", "\u{1f993}", "<|eot_id|>"]);
    expect(unread.map((part) => part.text)).toEqual(["zebra", "\u{1f993}", "<|eot_id|>"]);
  });
});

describe("special tokens", () => {
  test("are banned from every blank", () => {
    for (const tokenizer of [bytes, words]) {
      const made = form(tokenizer, "[[1]] a [[1]]");
      for (const id of Object.values(tokenizer.special)) expect(isAllowed(made, 0, id)).toBe(false);
      expect(isAllowed(made, 0, tokenizer.encode("a")[0] as number)).toBe(true);
    }
    const reserved = bytes.tokenId("<|reserved_token_0|>") as number;
    expect(isAllowed(form(bytes, "[[1]]"), 0, reserved)).toBe(false);
  });

  test("in the fixed text are text", () => {
    for (const tokenizer of [bytes, words]) {
      const { ids } = form(tokenizer, "a <|eot_id|> [[1]]");
      expect(ids).not.toContain(tokenizer.special.eot);
    }
    expect(filledAll(bytes, "a <|eot_id|> [[1]]", " the")).toMatchObject({ text: "a <|eot_id|> the", unread: [] });
  });
});

describe.each(["bytes", "words"])("any template, any tokens: %s", (name) => {
  const pieces = ["a", " ", "is", "the", "  ", "\n", ".", ",", "apple", "A", "Left"];
  const part = fc.oneof(
    fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 4 }).map((list) => list.join("")),
    fc.integer({ min: 1, max: 3 }),
  );
  const template = fc
    .array(part, { minLength: 1, maxLength: 7 })
    .filter((list) => list.some((p) => typeof p === "number"));

  test("the fixed text and its tokens are there, the blanks are what lies between", () => {
    const tokenizer = name === "bytes" ? bytes : words;
    fc.assert(
      fc.property(template, fc.infiniteStream(fc.nat()), (list, numbers) => {
        const source = list.map((p) => (typeof p === "number" ? `[[${p}]]` : p)).join("");
        const made = form(tokenizer, source);
        const tokens = made.ids.map((id, position) => {
          if (id !== tokenizer.special.mask) return id;
          let token = (numbers.next().value as number) % tokenizer.length;
          while (!isAllowed(made, position, token)) token = (token + 1) % tokenizer.length;
          return token;
        });
        expect(made.fixed).toEqual([...made.ids.keys()].filter((i) => made.ids[i] !== tokenizer.special.mask));

        const { text, blanks, unread } = readForm(tokenizer, made, tokens);
        for (const { start, end, text: word } of unread) expect(text.slice(start, end)).toBe(word);
        expect(blanks.map(({ start, end }) => text.slice(start, end))).toEqual(blanks.map((blank) => blank.text));
        const ends = [0, ...blanks.map(({ end }) => end)];
        const starts = [...blanks.map(({ start }) => start), text.length];
        const between = starts.map((start, i) => text.slice(ends[i], start)).join("\0");
        expect(between).toBe(source.replace(/\[\[\d\]\]/g, "\0"));
        // It is the text of the tokens.
        const bare = (value: string) => value.toLowerCase().replace(/[^\S\n]+/g, "");
        if (name === "bytes") expect(text).toBe(tokenizer.decode(tokens));
        else if (unread.length === 0) expect(bare(text)).toBe(bare(tokenizer.decode(tokens)));
      }),
      { numRuns: 300 },
    );
  });
});
