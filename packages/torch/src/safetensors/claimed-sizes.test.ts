/** What a header or an index claims is compared with the file and with limits before anything is made of it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { sharedFolder } from "../testing/folder.js";
import { test } from "../testing/test.js";
import { openCheckpoint } from "./checkpoint.js";
import { SafetensorsError } from "./format.js";
import { readSafetensorsHeader } from "./header.js";

const folder = sharedFolder();

function file(header: string, dataBytes = 0): string {
  const path = join(folder, "claims.safetensors");
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  writeFileSync(path, Buffer.concat([length, Buffer.from(header), Buffer.alloc(dataBytes)]));
  return path;
}

/** One line that names the file, short enough to be read. */
function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
    const { message } = error as Error;
    expect(message.length).toBeLessThan(600 + folder.length);
    expect(message).not.toContain("\n");
    return message;
  }
  return "no error";
}

const tensor = (name: string, shape: readonly number[], end: number) =>
  `{${JSON.stringify(name)}:{"dtype":"F32","shape":${JSON.stringify(shape)},"data_offsets":[0,${end}]}}`;

describe("a header that claims too much", () => {
  test.each([
    ["a million brackets", `{"a":${"[".repeat(1_000_000)}`, /nested more than 16 deep/],
    ["a million objects", `{"a":${'{"b":'.repeat(1_000_000)}`, /nested more than 16 deep/],
    [
      "a thousand dimensions",
      tensor("t", Array(1000).fill(1), 4),
      /tensor "t": its shape has 1000 dimensions; at most 64/,
    ],
    ["a million dimensions of 0", tensor("t", Array(1_000_000).fill(0), 0), /1000000 dimensions; at most 64/],
    ["a product beyond 2^53", tensor("t", [2 ** 31, 2 ** 31], 4), /tensor "t": shape \[.*\] is too large/],
    ["a product that wraps to 0", tensor("t", [2 ** 32, 2 ** 32], 0), /too large/],
    ["a zero that hides a product", tensor("t", [0, 2 ** 52, 2 ** 52], 0), /too large/],
    [
      "a name of a megabyte",
      tensor("n".repeat(1_000_000), [2], 4),
      /tensor "n{97}\.\.\.": float32 of shape \[2\] takes 8/,
    ],
    ["a dtype of a megabyte", `{"t":{"dtype":"${"F".repeat(1_000_000)}"}}`, /dtype F{40} is not supported/],
    ["brackets in a name, which are none", tensor("[".repeat(50), [2], 4), /takes 8 bytes, but data_offsets span 4/],
  ])("is refused: %s", (_, header, message) => {
    expect(refusal(() => readSafetensorsHeader(file(header)))).toMatch(message);
  });

  test("64 dimensions are read", () => {
    expect(readSafetensorsHeader(file(tensor("t", Array(64).fill(1), 4), 4)).tensors.get("t")?.shape.length).toBe(64);
  });

  test("a named pipe is refused and not waited for", () => {
    const pipe = join(folder, "pipe.safetensors");
    execFileSync("mkfifo", [pipe]);
    expect(refusal(() => readSafetensorsHeader(pipe))).toBe(`${pipe}: is not a file`);
  });
});

describe("an index that claims too much", () => {
  const index = (text: string) => {
    const path = join(folder, "index");
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "model.safetensors.index.json"), text);
    return path;
  };
  const names = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, `s${i}.safetensors`]));

  test.each([
    ["a million brackets", `{"weight_map":${"[".repeat(1_000_000)}`, /nested more than 16 deep/],
    ["100,000 files", JSON.stringify({ weight_map: names(100_000) }), /names 100000 files; at most 10000/],
    [
      "a file's name of a megabyte",
      JSON.stringify({ weight_map: { t: `${"x".repeat(1_000_000)}` } }),
      /missing: x+\.\.\./,
    ],
    ["a zero byte", JSON.stringify({ weight_map: { t: "a\0b" } }), /outside of the folder/],
    ["another folder", JSON.stringify({ weight_map: { t: "a/../../b" } }), /outside of the folder/],
    ["an absolute name", JSON.stringify({ weight_map: { t: "/etc/passwd" } }), /outside of the folder/],
  ])("is refused: %s", (_, text, message) => {
    expect(refusal(() => openCheckpoint(index(text)))).toMatch(message);
  });
});
