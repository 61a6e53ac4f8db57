import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folderOfFile } from "../folders.js";
import { readGoldenTensors } from "./safetensors-reader.js";

const { path: folder } = folderOfFile();

async function file(header: unknown, body: Uint8Array): Promise<string> {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const path = join(folder, `${Math.random()}.safetensors`);
  await writeFile(path, Buffer.concat([length, text, body]));
  return path;
}

test("reads every dtype at any alignment", async () => {
  const parts: [string, string, number[], ArrayBufferView][] = [
    ["flag", "BOOL", [3], Uint8Array.of(1, 0, 1)],
    ["f32", "F32", [2], Float32Array.of(0.5, -2)],
    ["pixel", "U8", [1], Uint8Array.of(255)],
    ["i64", "I64", [1, 1], BigInt64Array.of(-200n)],
    ["f64", "F64", [], Float64Array.of(0.1)],
    ["i32", "I32", [1, 2], Int32Array.of(-1, 7)],
    ["bf16", "BF16", [1], Uint16Array.of(0x3f80)],
    ["none", "F32", [0, 4], new Float32Array(0)],
  ];
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let offset = 0;
  for (const [name, dtype, shape, data] of parts) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const bytes = parts.map(([, , , data]) => Buffer.from(data.buffer));
  const tensors = readGoldenTensors(await file(header, Buffer.concat(bytes)));
  expect([...tensors.keys()]).toEqual(parts.map(([name]) => name));
  for (const [name, dtype, shape, data] of parts) expect(tensors.get(name)).toEqual({ dtype, shape, data });
});

test.each([
  ["an offset beyond the end", { a: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }, /tensor a needs 8 bytes/],
  ["a shape that does not fit", { a: { dtype: "F32", shape: [3], data_offsets: [0, 4] } }, /tensor a needs 12 bytes/],
  ["an unknown dtype", { a: { dtype: "Q4", shape: [1], data_offsets: [0, 4] } }, /tensor a has the unknown dtype Q4/],
  ["a broken header", "{", /unreadable safetensors header/],
])("refuses %s", async (_, header, message) => {
  const path = await file(header, new Uint8Array(4));
  expect(() => readGoldenTensors(path)).toThrow(message);
});

test("refuses files that are cut off", async () => {
  const path = join(folder, "short.safetensors");
  await writeFile(path, Buffer.from([255, 255, 0, 0, 0, 0, 0, 0]));
  expect(() => readGoldenTensors(path)).toThrow(/cut off/);
  await writeFile(path, Buffer.from([1]));
  expect(() => readGoldenTensors(path)).toThrow(/cut off/);
});
