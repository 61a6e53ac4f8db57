/** UTF-8 or refused: files, streams in whatever chunks, and the place that a message names. */
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { folderOfEachTest } from "../testing/folders.js";
import {
  decodeFile,
  lineOfByte,
  notUtf8At,
  readUtf8,
  readUtf8Stream,
  readUtf8Sync,
  Utf8Check,
  utf8Lines,
} from "./utf8-text.js";

const scratch = folderOfEachTest();
const latin1 = (text: string) => Buffer.from(text, "latin1");

/** What `work` throws, in one line; undefined when it does not. */
async function refusal(work: () => unknown): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.line;
    throw error;
  }
}

const place = (line: string | undefined) =>
  /^\S+:(\d+): is not UTF-8 at byte (\d+)/
    .exec(line ?? "")
    ?.slice(1)
    .map(Number);

async function* inChunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(64); // used again for every chunk, as readers do
  for (let [at, i] = [0, 0]; at < bytes.length; i++) {
    const chunk = bytes.subarray(at, at + Math.min(64, sizes.length === 0 ? 64 : (sizes[i % sizes.length] ?? 1)));
    buffer.set(chunk);
    yield buffer.subarray(0, chunk.length);
    at += chunk.length;
  }
}

async function linesOf(bytes: Uint8Array, sizes: readonly number[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of utf8Lines(inChunks(bytes, sizes), "x")) lines.push(line);
  return lines;
}

async function check(bytes: Uint8Array, sizes: readonly number[]): Promise<void> {
  const check = new Utf8Check("x");
  for await (const chunk of inChunks(bytes, sizes)) check.take(chunk);
  check.finish();
}

/** Text of all planes; no zeros, which UTF-16 is told by. */
const text = fc
  .string({ unit: "binary", maxLength: 200 })
  .map((some) => some.replaceAll("\0", "\n"))
  .filter((some) => !some.startsWith("\ufeff"));
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
/** Bytes that come close to UTF-8: much of it, a little that is none. */
const nearlyUtf8 = fc
  .array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom("a", "\n", "\u00e9", "\u5b57", "\u{1f600}").map((one) => [...Buffer.from(one)]),
      },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 3 }).map((some) => [...some]) },
      { weight: 1, arbitrary: fc.constantFrom([0xe0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90], [0xf0, 0x9f], [0xc1]) },
    ),
    { maxLength: 120 },
  )
  .map((pieces) => Uint8Array.from(pieces.flat()).map((byte) => byte || 0x61));

describe("any text", () => {
  test("passes unchanged, whole and in chunks, with and without a byte order mark", async () => {
    await fc.assert(
      fc.asyncProperty(text, sizes, fc.boolean(), async (some, chunks, marked) => {
        const bytes = Buffer.from(marked ? `\ufeff${some}` : some);
        expect(decodeFile(bytes, "x")).toBe(some);
        const lines = some.split("\n").map((line) => line.replace(/\r$/, ""));
        // A file that ends with a newline has no line behind it; a mark alone is an empty line.
        if (some.endsWith("\n") || bytes.length === 0) lines.pop();
        expect(await linesOf(bytes, chunks)).toEqual(lines);
        await check(bytes, chunks);
        expect(await readUtf8Stream(inChunks(bytes, chunks), "x")).toBe(some);
      }),
    );
  });
});

describe("any bytes", () => {
  test("the first byte that is no UTF-8 is the one behind the longest text that is", () => {
    fc.assert(
      fc.property(nearlyUtf8, (bytes) => {
        const at = notUtf8At(bytes);
        if (at < 0) {
          expect([...Buffer.from(Buffer.from(bytes).toString())]).toEqual([...bytes]);
          return;
        }
        // Node's decoder agrees on all before, and on nothing that goes further.
        const decodes = (end: number) => {
          try {
            new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end));
            return true;
          } catch {
            return false;
          }
        };
        expect(decodes(at)).toBe(true);
        for (let end = at + 1; end <= Math.min(bytes.length, at + 4); end++) expect(decodes(end)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test("are judged the same in whatever chunks they come: same line, same byte", async () => {
    await fc.assert(
      fc.asyncProperty(nearlyUtf8, sizes, async (bytes, chunks) => {
        const whole = await refusal(() => decodeFile(bytes, "x"));
        expect(place(await refusal(() => linesOf(bytes, chunks)))).toEqual(place(whole));
        expect(place(await refusal(() => check(bytes, chunks)))).toEqual(place(whole));
        const at = notUtf8At(bytes);
        const line = Buffer.from(bytes.subarray(0, at)).toString("latin1").split("\n").length;
        if (at >= 0) expect(place(whole)).toEqual([line, at]);
      }),
      { numRuns: 500 },
    );
  });
});

describe("a message", () => {
  const gbk = Buffer.from("c4e3bac3a3acd5e2cac7d2bbd5c5cdbc", "hex"); // a greeting and a half
  test.each<[string, Uint8Array, RegExp]>([
    [
      "latin-1",
      latin1("one\ntwo\nCaf\xe9 au lait"),
      /^x:3: is not UTF-8 at byte 11 \(0xE9; it may be Windows-1252.*iconv -f WINDOWS-1252/,
    ],
    [
      "GBK, which might be another of East Asia's: the wrong one would make other words, without an error",
      Buffer.concat([latin1('{"value": "'), gbk, latin1('"}')]),
      /^x:1: .*it may be GB18030 \(GBK\) or .*iconv -f ENCODING -t UTF-8/,
    ],
    ["two accented letters together", latin1("Gr\xf6\xdfe"), /it may be Windows-1252.* or GB18030.*iconv -f ENCODING/],
    [
      "UTF-16 with its mark",
      Buffer.from("\ufeffA cat", "utf16le"),
      /^x:1: is not UTF-8 at byte 0 \(it looks like UTF-16LE\). .*iconv -f UTF-16LE/,
    ],
    ["UTF-16 without", Buffer.from("A cat", "utf16le"), /looks like UTF-16LE/],
    [
      "UTF-32 without",
      Buffer.from([..."A cat"].flatMap((letter) => [letter.charCodeAt(0), 0, 0, 0])),
      /looks like UTF-32LE/,
    ],
    ["UTF-16, the other order", Buffer.from("A cat", "utf16le").swap16(), /looks like UTF-16BE/],
    [
      "cut off within a character",
      Buffer.from("A caf\u00e9").subarray(0, -1),
      /0xC3, and ends within a character\). Copy/,
    ],
    [
      "one bad place",
      Buffer.concat([Buffer.from("\u5b57\u5b57\u5b57\u5b57\u5b57"), latin1("\xff?")]),
      /0xFF\). What comes before it is UTF-8/,
    ],
    ["no idea", latin1("\x80\x81\xff\xff\xff\x80 "), /0x80\). .*iconv -f ENCODING/],
  ])("%s", async (_, bytes, message) => {
    expect(await refusal(() => decodeFile(bytes, "x"))).toMatch(message);
  });
});

test("lines before one that is not UTF-8 are given out, and U+2028 ends none", async () => {
  const lines: string[] = [];
  const bytes = Buffer.concat([Buffer.from("one\u2028more\r\n\ntwo\n"), latin1("caf\xe9\nthree")]);
  const reading = async () => {
    for await (const line of utf8Lines(inChunks(bytes, []), "x")) lines.push(line);
  };
  await expect(reading()).rejects.toThrow(/^x:4: is not UTF-8/);
  expect(lines).toEqual(["one\u2028more", "", "two"]);
});

test("files: read whole, refused, or not there", async () => {
  writeFileSync(scratch.at("good.txt"), "\ufeffsch\u00f6n\n");
  writeFileSync(scratch.at("bad.txt"), latin1("sch\xf6n\n"));
  expect(await readUtf8(scratch.at("good.txt"))).toBe("sch\u00f6n\n");
  expect(readUtf8Sync(scratch.at("good.txt"))).toBe("sch\u00f6n\n");
  await expect(readUtf8(scratch.at("bad.txt"))).rejects.toThrow(/bad\.txt:1: is not UTF-8 at byte 3/);
  expect(() => readUtf8Sync(scratch.at("bad.txt"))).toThrow(/bad\.txt:1: is not UTF-8 at byte 3/);
  await expect(readUtf8(scratch.at("absent"))).rejects.toThrow(/no such file/);
  expect(() => readUtf8Sync(scratch.at("absent"))).toThrow(/no such file/);
  writeFileSync(scratch.at("lines"), "a\nb\nc");
  expect([await lineOfByte(scratch.at("lines"), 0), await lineOfByte(scratch.at("lines"), 4)]).toEqual([1, 3]);
});

test("a check that starts within a file counts from there", () => {
  const check = new Utf8Check("x", 3);
  expect(() => check.take(latin1("ab\xff"))).toThrow(/x:1: is not UTF-8 at byte 5/);
});
