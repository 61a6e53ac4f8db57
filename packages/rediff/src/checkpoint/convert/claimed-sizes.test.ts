/** What a file of torch.save claims is compared with the file before anything is made of it. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { memory } from "@rediff/torch";
import { beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { pickled, pickledDictionary, pickledTensor, storedZip, torchFile } from "../../testing/torch-save.js";
import { readTorchFile } from "./torch-pickle.js";

const { path: root } = folderOfFile();
beforeEach(expectNoLeaks);

const { int, float, text, longText, tuple } = pickled;

/** One line that names the file, short enough to be read; told soon, and without much memory. */
function refusal(bytes: Buffer): string {
  const path = join(root, "claims.bin");
  writeFileSync(path, bytes);
  const before = process.memoryUsage().rss;
  try {
    for (const tensor of readTorchFile(path).values()) tensor.dispose();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    const { message } = error as UserError;
    expect(message.startsWith(path)).toBe(true);
    expect(message.length).toBeLessThan(500 + path.length);
    expect(message).not.toContain("\n");
    // Wide, for what else goes on in the process.
    expect(process.memoryUsage().rss - before).toBeLessThan((256 << 20) + 20 * bytes.length);
    return message;
  }
  return "no error";
}

const one = (change: Parameters<typeof pickledTensor>[0]) =>
  torchFile(pickledDictionary(`${text("a")}${pickledTensor(change)}s`));

describe("a tensor that claims more than there is is refused", () => {
  test.each<[string, Parameters<typeof pickledTensor>[0], RegExp]>([
    [
      "a row repeated a billion times",
      { shape: [int(1e9), int(2)], stride: [int(0), int(1)] },
      /"a" of shape \[1000000000, 2\] takes 8000000000 bytes/,
    ],
    [
      "sizes whose product wraps",
      { shape: [int(2 ** 40), int(2 ** 40)], stride: [int(0), int(0)] },
      /"a" of shape .* takes/,
    ],
    ["a stride beyond 2^32", { stride: [int(2 ** 46), int(1)] }, /"a" reaches beyond its data/],
    ["an offset beyond 2^32", { offset: int(2 ** 46) }, /"a" reaches beyond its data/],
    ["a size below 0", { shape: [int(-2), int(2)] }, /describes no tensor/],
    ["a size that is no whole number", { shape: [float(1.5), int(2)] }, /describes no tensor/],
    ["a size that is no number", { shape: [float(Number.NaN), int(2)] }, /describes no tensor/],
    ["an endless size", { shape: [float(Number.POSITIVE_INFINITY), int(2)] }, /describes no tensor/],
    ["elements below 0", { elements: int(-4) }, /refers to something that is no storage/],
    ["half an element", { elements: float(4.5) }, /refers to something that is no storage/],
    ["elements beyond the file", { elements: int(2 ** 46) }, /the data of "a" is of the wrong size/],
    [
      "a thousand dimensions",
      { shape: Array(1000).fill(int(1)), stride: Array(1000).fill(int(1)) },
      /1000 dimensions; at most 64/,
    ],
    ["a type that is every object's", { type: "constructor" }, /numbers of the type torch\.constructor/],
    ["a storage that is not there", { key: "../../etc/passwd" }, /the data of "a" is missing/],
  ])("%s", (_, change, message) => {
    expect(refusal(one(change))).toMatch(message);
  });

  test("many names for one storage, once they are more than four times the file", () => {
    const data = Buffer.alloc(1 << 20);
    const tensor = pickledTensor({ elements: int(1 << 18), shape: [int(1 << 18)], stride: [int(1)] });
    const names = (count: number) => Array.from({ length: count }, (_, i) => `${text(`t${i}`)}h\x01s`).join("");
    const file = (count: number) => torchFile(pickledDictionary(`${text("t")}${tensor}q\x01s${names(count)}`), data);
    expect(refusal(file(10_000))).toMatch(
      /"t3" of shape \[262144\] takes 1048576 bytes.* more than 4 times the file's data/,
    );
    expect(refusal(file(2)), "tied weights").toBe("no error");
  });

  test("views of one storage share its memory", () => {
    const data = Buffer.alloc(1 << 20);
    const part = (i: number) =>
      `${text(`t${i}`)}${pickledTensor({ elements: int(1 << 18), offset: int(i * 1024), shape: [int(1024)], stride: [int(1)] })}s`;
    const path = join(root, "views.bin");
    writeFileSync(path, torchFile(pickledDictionary(Array.from({ length: 256 }, (_, i) => part(i)).join("")), data));
    const before = memory().bytes;
    const tensors = readTorchFile(path);
    expect(tensors.size).toBe(256);
    expect(memory().bytes - before).toBeLessThan(4 << 20);
    for (const tensor of tensors.values()) tensor.dispose();
  });
});

describe("a pickle that asks for more than it is", () => {
  const program = (code: string) => torchFile(pickledDictionary(code));
  /** A tuple of itself twice, again and again: 2^60 texts if written out. */
  const doubled = `${text("x")}${"q\x01h\x01\x86".repeat(60)}`;
  test.each([
    ["dictionaries without end", program("}".repeat(300_000)), /makes more than 250000 objects/],
    ["lists without end", program("]".repeat(300_000)), /makes more than 250000 objects/],
    ["values without end", program("N".repeat(1_100_000)), /more than 1000000 values/],
    ["marks without end", program("(".repeat(1_100_000)), /more than 1000000 values/],
    ["the name of a function that doubles 60 times", program(`${doubled}${text("x")}\x93`), /pickle is damaged/],
    [
      "a shape that doubles 60 times",
      program(`${text("a")}${pickledTensor({ shape: [doubled, int(1)] })}s`),
      /describes no tensor/,
    ],
    ["a key that doubles 60 times", program(`${doubled}Ns`), /a key of the dictionary is no text/],
    ["a name of a megabyte", program(`${longText("n".repeat(1 << 20))}Ns`), /"n{97}\.\.\." is no tensor/],
    ["a function's name that steers a terminal", program("cos\u001b[2J\nsystem\n)R"), /pickle is damaged/],
    ["a key that steers a terminal", program(`${text("\u001b[2J")}Ns`), /"\\u001b\[2J" is no tensor/],
    ["a function's name of a megabyte", program(`cos\n${"f".repeat(1 << 20)}\n`), /pickle is damaged/],
    ["a text that is longer than the file", Buffer.concat([program("X\xff\xff\xff\x7fa")]), /cut off/],
    [
      "tuples in tuples, a hundred thousand deep",
      program(`N${"\x85".repeat(100_000)}${text("a")}\x86${tuple([])}`),
      /no dictionary|no tensor/,
    ],
    ["a program of 40 MB", program("N0".repeat(20 << 20)), /41943\d+ bytes; at most 33554432/],
  ])("is refused: %s", (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });
});

describe("a zip file that claims more than there is is refused", () => {
  const good = pickledDictionary(`${text("a")}${pickledTensor()}s`);
  const data = Buffer.from(new Float32Array(4).fill(7).buffer);
  const pickle = { name: "x/data.pkl", data: good };
  const member = (claims: object, name = "x/data/0") => ({ name, data, claims });
  test.each([
    [
      "a size beyond the file",
      storedZip([pickle, member({ size: 2 ** 31 })]),
      /"x\/data\/0" its members have 21\d+ bytes, and the file has/,
    ],
    [
      "two sizes",
      storedZip([pickle, member({ size: 16, packed: 8 })]),
      /"x\/data\/0" is said to have 16 bytes, and 8 of them/,
    ],
    ["a bomb", storedZip([pickle, member({ method: 8 })]), /"x\/data\/0" is compressed/],
    ["a member under a key", storedZip([pickle, member({ flags: 1 })]), /"x\/data\/0" is encrypted/],
    ["a place beyond the file", storedZip([pickle, member({ offset: 2 ** 31 })]), /cut off or damaged/],
    ["a member twice", storedZip([pickle, member({}), member({})]), /has "x\/data\/0" twice/],
    ["more members than there are", storedZip([pickle, member({})], { count: 0xfffe }), /damaged/],
    ["a directory beyond the file", storedZip([pickle], { start: 0xfffffff0 }), /cut off or damaged/],
    ["a name of 60 KB", storedZip([pickle, member({ crc: 1 }, "n".repeat(60_000))]), /"n{97}\.\.\." is damaged/],
  ])("%s", (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });

  test("a thousand members that all are the same megabyte", () => {
    const large = { name: "x/0", data: Buffer.alloc(1 << 20) };
    const copies = Array.from({ length: 1000 }, (_, i) => ({
      name: `x/${i + 1}`,
      data: Buffer.alloc(0),
      claims: { size: 1 << 20, offset: 0 },
    }));
    expect(refusal(storedZip([large, ...copies]))).toMatch(/its members have 2097152 bytes, and the file has/);
  });

  test("directories of 64 bits with sizes that no file has", () => {
    const end = Buffer.alloc(56 + 20 + 22);
    end.writeUInt32LE(0x06064b50, 0);
    end.writeBigUInt64LE(2n ** 63n, 32);
    end.writeBigUInt64LE(2n ** 63n, 48);
    end.writeUInt32LE(0x07064b50, 56);
    end.writeBigUInt64LE(4n, 56 + 8);
    end.writeUInt32LE(0x06054b50, 76);
    expect(refusal(Buffer.concat([Buffer.from("PK\x03\x04"), end]))).toMatch(/cut off or damaged/);
    end.writeBigUInt64LE(2n ** 63n, 56 + 8);
    expect(refusal(Buffer.concat([Buffer.from("PK\x03\x04"), end]))).toMatch(/cut off or damaged/);
  });
});

test("a named pipe is refused and not waited for", () => {
  const pipe = join(root, "pipe.bin");
  execFileSync("mkfifo", [pipe]);
  expect(() => readTorchFile(pipe)).toThrow(/pipe\.bin: is a named pipe; expected a file of torch\.save/);
});
