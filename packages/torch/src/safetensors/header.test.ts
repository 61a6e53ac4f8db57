/** Headers: what is valid is read, everything else is one clear error, and nothing crashes or hangs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { DTYPES, elementSize } from "../dtype.js";
import { sharedFolder } from "../testing/folder.js";
import { test } from "../testing/test.js";
import { dtypeName, SafetensorsError } from "./format.js";
import { readSafetensorsHeader } from "./header.js";
import { SafetensorsFile } from "./read.js";

const folder = sharedFolder();
const path = join(folder, "x.safetensors");

/** A file with this header, text or object, and `dataBytes` zeros. */
function write(header: unknown, dataBytes = 0, claimedLength?: number | bigint): void {
  const json = Buffer.isBuffer(header)
    ? header
    : Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(claimedLength ?? json.length));
  writeFileSync(path, Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
}

const entry = (dtype: string, shape: unknown, begin: unknown, end: unknown): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const error = (): string => {
  try {
    readSafetensorsHeader(path);
  } catch (problem) {
    expect(problem).toBeInstanceOf(SafetensorsError);
    const { message } = problem as Error;
    expect(message.startsWith(`${path}: `)).toBe(true);
    expect(message).not.toContain("\n");
    return message.slice(path.length + 2);
  }
  return "no error";
};

describe("readSafetensorsHeader", () => {
  test("reads names, dtypes, shapes, offsets and metadata", () => {
    write(
      {
        __metadata__: { format: "pt", __proto__x: "" },
        b: entry("BF16", [2, 3], 4, 16),
        a: entry("F32", [], 0, 4),
        empty: entry("I64", [0, 7], 16, 16),
      },
      16,
    );
    const header = readSafetensorsHeader(path);
    expect(header.metadata).toEqual({ format: "pt", __proto__x: "" });
    expect([...header.tensors]).toEqual([
      ["b", { dtype: "bfloat16", shape: [2, 3], begin: 4, end: 16 }],
      ["a", { dtype: "float32", shape: [], begin: 0, end: 4 }],
      ["empty", { dtype: "int64", shape: [0, 7], begin: 16, end: 16 }],
    ]);
    expect(header.fileSize - header.dataOffset).toBe(16);
  });

  test("reads a file without tensors, padding after the header, and names that JavaScript finds special", () => {
    write("{}");
    expect(readSafetensorsHeader(path).tensors.size).toBe(0);
    write(
      '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"7":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}    \n',
      2,
    );
    expect([...readSafetensorsHeader(path).tensors.keys()].sort()).toEqual(["7", "__proto__"]);
  });

  const mistakes: [string, () => void, RegExp][] = [
    ["empty file", () => writeFileSync(path, ""), /^is not a safetensors file: 0 bytes are too few/],
    ["7 bytes", () => writeFileSync(path, "1234567"), /7 bytes are too few/],
    [
      "header of 100 MB and more",
      () => write("{}", 0, 100_000_001),
      /the header would have 100000001 bytes; at most 100000000/,
    ],
    ["header of 2^64-1", () => write("{}", 0, 2n ** 64n - 1n), /18446744073709551615 bytes/],
    [
      "header beyond the file",
      () => write("{}", 0, 50),
      /cut off or not a safetensors file: a header of 50 bytes in a file of 10/,
    ],
    ["100 MB claimed in a small file", () => write("{}", 0, 100_000_000), /cut off/],
    ["no header", () => write("", 0), /not a JSON object/],
    ["not UTF-8", () => write(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), /not UTF-8/],
    ["byte order mark", () => write("\ufeff{}"), /not a JSON object/],
    ["not JSON", () => write('{"a":'), /not JSON/],
    ["leading space", () => write(" {}"), /not a JSON object/],
    ["a list", () => write("[]"), /not a JSON object/],
    ["metadata is a list", () => write({ __metadata__: [] }), /__metadata__ must be an object of strings/],
    ["metadata with a number", () => write({ __metadata__: { step: 3 } }), /"step" is not one/],
    ["entry is a string", () => write({ a: "x" }), /tensor "a": its entry is not an object/],
    ["no dtype", () => write({ a: { shape: [], data_offsets: [0, 4] } }, 4), /tensor "a": dtype is missing/],
    [
      "float8",
      () => write({ a: entry("F8_E8M0", [1], 0, 1) }, 1),
      /tensor "a": dtype F8_E8M0 is not supported; known are BOOL, U8,/,
    ],
    [
      "dtype of an object's prototype",
      () => write({ a: entry("constructor", [1], 0, 1) }, 1),
      /dtype constructor is not supported/,
    ],
    ["no shape", () => write({ a: { dtype: "U8", data_offsets: [0, 1] } }, 1), /shape must be a list/],
    ["negative size", () => write({ a: entry("U8", [-1], 0, 1) }, 1), /shape must be a list of whole numbers from 0/],
    ["zero with a sign", () => write('{"a":{"dtype":"U8","shape":[0,-0],"data_offsets":[0,0]}}', 0), /shape must be/],
    ["fractional size", () => write({ a: entry("U8", [0.5, 2], 0, 1) }, 1), /shape must be/],
    [
      "size beyond 2^53",
      () => write('{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,1]}}', 1),
      /shape must be/,
    ],
    [
      "product overflows",
      () => write({ a: entry("F64", [2 ** 40, 2 ** 40], 0, 8) }, 8),
      /\[1099511627776, 1099511627776\] is too large/,
    ],
    ["product overflows to zero", () => write({ a: entry("F64", [2 ** 40, 2 ** 40, 0], 0, 0) }), /too large/],
    ["zero first, then an overflow", () => write({ a: entry("F64", [0, 2 ** 40, 2 ** 40], 0, 0) }), /too large/],
    [
      "three offsets",
      () => write({ a: { dtype: "U8", shape: [1], data_offsets: [0, 1, 2] } }, 1),
      /data_offsets must be two/,
    ],
    ["negative offset", () => write({ a: entry("U8", [1], -1, 0) }, 1), /data_offsets must be two whole numbers/],
    ["backwards", () => write({ a: entry("U8", [1], 1, 0) }, 1), /tensor "a": data_offsets go backwards, \[1, 0\]/],
    [
      "wrong size",
      () => write({ a: entry("F32", [2], 0, 4) }, 4),
      /float32 of shape \[2\] takes 8 bytes, but data_offsets span 4/,
    ],
    [
      "beyond the file",
      () => write({ a: entry("F32", [2], 0, 8) }, 4),
      /tensor "a" ends at byte 8 of the data, which has 4 bytes: the file is cut off/,
    ],
    [
      "overlap",
      () => write({ a: entry("U8", [4], 0, 4), b: entry("U8", [4], 2, 6) }, 6),
      /tensor "b" overlaps "a" \(bytes 2 to 4/,
    ],
    [
      "the same bytes",
      () => write({ a: entry("U8", [4], 0, 4), b: entry("U8", [4], 0, 4) }, 4),
      /tensor "b" overlaps "a"/,
    ],
    [
      "an empty tensor inside another",
      () => write({ a: entry("U8", [4], 0, 4), b: entry("U8", [0], 2, 2) }, 4),
      /tensor "b" overlaps "a"/,
    ],
    [
      "hole",
      () => write({ a: entry("U8", [2], 0, 2), b: entry("U8", [2], 3, 5) }, 5),
      /bytes 2 to 3 of the data, before tensor "b", belong to none/,
    ],
    ["hole at the start", () => write({ a: entry("U8", [2], 1, 3) }, 3), /bytes 0 to 1/],
    [
      "trailing data",
      () => write({ a: entry("U8", [2], 0, 2) }, 5),
      /the last 3 bytes of the data belong to no tensor/,
    ],
    [
      "twice the same name",
      () =>
        write(
          '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
          1,
        ),
      /two entries "a"/,
    ],
    [
      "twice, once escaped",
      () => write('{"ab\\"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061b\\"" :{}}', 1),
      /two entries "ab""/,
    ],
    [
      "twice inside an entry",
      () => write('{"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
      /two entries "dtype"/,
    ],
  ];
  for (const [name, make, message] of mistakes)
    test(`refuses: ${name}`, () => {
      make();
      expect(error()).toMatch(message);
    });

  test("strings that look like keys are none", () => {
    write(
      '{"__metadata__":{"a":"\\"a\\":1,{\\"a\\":2}","b":"x"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
      1,
    );
    expect(readSafetensorsHeader(path).tensors.size).toBe(1);
  });

  test("refuses what is no file", () => {
    expect(() => readSafetensorsHeader(join(folder, "missing"))).toThrow(
      "missing: cannot be read: there is no such file or folder",
    );
    expect(() => readSafetensorsHeader(folder)).toThrow(/is not a file/);
  });

  test("a header of many tensors is read in time", () => {
    const header: Record<string, object> = {};
    for (let i = 0; i < 50_000; i++) header[`model.layers.${i}.weight`] = entry("U8", [1], i, i + 1);
    write(header, 50_000);
    const before = performance.now();
    expect(readSafetensorsHeader(path).tensors.size).toBe(50_000);
    expect(performance.now() - before).toBeLessThan(5000);
  });

  test("deeply nested JSON is an error, not a crash", () => {
    write(`{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`);
    expect(error()).toMatch(/nested more than 16 deep/);
    write(`{"a":{"dtype":"U8","shape":${"[".repeat(200_000)}${"]".repeat(200_000)},"data_offsets":[0,1]}}`, 1);
    expect(error()).toMatch(/nested more than 16 deep/);
  });
});

describe("fuzzed files", () => {
  const tensors = fc.array(
    fc.record({ dtype: fc.constantFrom(...DTYPES), shape: fc.array(fc.nat(4), { maxLength: 3 }) }),
    { maxLength: 5 },
  );

  /** Writes a valid file. */
  function valid(list: { dtype: (typeof DTYPES)[number]; shape: number[] }[]): Buffer {
    const header: Record<string, object> = {};
    let offset = 0;
    list.forEach(({ dtype, shape }, i) => {
      const end = offset + shape.reduce((product, n) => product * n, elementSize(dtype));
      header[`t${i}`] = entry(dtypeName(dtype), shape, offset, end);
      offset = end;
    });
    write(header, offset);
    return readFileSync(path);
  }

  /** Reads everything there is; the only thing that may come out besides tensors is the one error. */
  function readAll(): "valid" | "refused" {
    try {
      using file = SafetensorsFile.open(path);
      for (const name of file.names()) {
        using t = file.get(name);
        const { dtype, shape } = file.info(name);
        expect(t.dtype).toBe(dtype);
        expect(t.shape).toEqual(shape);
        if (t.numel > 0) t.data(dtype); // touches the first and the last byte
      }
      return "valid";
    } catch (problem) {
      if (!(problem instanceof SafetensorsError)) throw problem;
      expect(problem.message).toContain(path);
      return "refused";
    }
  }

  test("valid files are read", () => {
    fc.assert(
      fc.property(tensors, (list) => {
        valid(list);
        expect(readAll()).toBe("valid");
      }),
      { numRuns: 100 },
    );
  });

  test("mutated files are read or refused", () => {
    const mutation = fc.oneof(
      fc.record({ kind: fc.constant("byte" as const), at: fc.nat(400), value: fc.nat(255) }),
      fc.record({ kind: fc.constant("cut" as const), at: fc.nat(400) }),
      fc.record({
        kind: fc.constant("insert" as const),
        at: fc.nat(400),
        text: fc.constantFrom("0", "9", "-", ",", "[", "}", '"', "e9", "\\", "\0"),
      }),
      fc.record({ kind: fc.constant("remove" as const), at: fc.nat(400), count: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ kind: fc.constant("digit" as const), at: fc.nat(400), value: fc.nat(9) }),
    );
    const seen = { valid: 0, refused: 0 };
    fc.assert(
      fc.property(
        tensors,
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (list, mutations, keepLength) => {
          let bytes = valid(list);
          for (const m of mutations) {
            const at = m.at % Math.max(1, bytes.length);
            if (m.kind === "byte") bytes[at] = m.value;
            else if (m.kind === "cut") bytes = bytes.subarray(0, at);
            else if (m.kind === "insert")
              bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(m.text), bytes.subarray(at)]);
            else if (m.kind === "remove") bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + m.count)]);
            else
              for (let i = at; i < bytes.length; i++) {
                const c = bytes[i] ?? 0;
                if (c < 48 || c > 57) continue;
                bytes[i] = 48 + m.value;
                break;
              }
          }
          const closing = bytes.lastIndexOf("}");
          if (keepLength && closing >= 8) bytes.writeBigUInt64LE(BigInt(closing - 7)); // a length that fits, so that the JSON is reached
          writeFileSync(path, bytes);
          seen[readAll()]++;
        },
      ),
      { numRuns: 600 },
    );
    expect(seen.valid).toBeGreaterThan(0);
    expect(seen.refused).toBeGreaterThan(200);
  });

  test("random bytes are refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        writeFileSync(path, bytes);
        expect(readAll()).toBe("refused");
      }),
      { numRuns: 300 },
    );
  });

  test("random JSON is read or refused", () => {
    const names = fc.constantFrom("__metadata__", "a", "dtype", "shape", "data_offsets", "F32", "U8");
    fc.assert(
      fc.property(
        fc.object({
          key: names,
          maxDepth: 3,
          values: [names, fc.integer(), fc.constant(0), fc.double(), fc.boolean(), fc.constant(null)],
        }),
        fc.nat(16),
        (value, dataBytes) => {
          write(value, dataBytes);
          readAll();
        },
      ),
      { numRuns: 200 },
    );
  });
});
