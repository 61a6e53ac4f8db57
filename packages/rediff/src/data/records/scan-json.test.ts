/** The scanner against JSON.parse. */
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect } from "vitest";
import { UserError } from "../../errors.js";
import { test } from "../../testing/fixtures.js";
import { scanJson } from "./scan-json.js";

const record = fc.dictionary(fc.string(), fc.jsonValue());

/** The records' texts as the index cuts them. */
async function scanned(folder: string, text: string | Uint8Array, chunkBytes: number): Promise<string[]> {
  const file = join(folder, "records.json");
  await writeFile(file, text);
  const handle = await open(file);
  try {
    const { starts, count } = await scanJson(file, handle, { chunkBytes });
    const bytes = Buffer.from(text);
    return Array.from({ length: count }, (_, i) => bytes.subarray(starts[i], starts[i + 1]).toString());
  } finally {
    await handle.close();
  }
}

test("any list of records, however it is written and cut into pieces, comes back", async ({ folder }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(record), fc.nat(4), fc.integer({ min: 1, max: 40 }), async (records, indent, chunk) => {
      const pieces = await scanned(folder, JSON.stringify(records, null, indent), chunk);
      const read = pieces.map((piece) => JSON.parse(piece.slice(0, piece.lastIndexOf("}") + 1)));
      expect(read).toEqual(JSON.parse(JSON.stringify(records)));
    }),
    { numRuns: 60 },
  );
});

test("any records, one a line, come back", async ({ folder }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1 }), fc.integer({ min: 1, max: 40 }), async (records, chunk) => {
      const pieces = await scanned(folder, records.map((one) => `${JSON.stringify(one)}\r\n`).join(""), chunk);
      expect(pieces.map((piece) => JSON.parse(piece))).toEqual(JSON.parse(JSON.stringify(records)));
    }),
    { numRuns: 60 },
  );
});

test("a list that is cut off anywhere is refused", async ({ folder }) => {
  const text = JSON.stringify([{ a: ']}\\"' }, { b: [{}, "ü"] }, {}]);
  const bytes = Buffer.from(text);
  for (let length = 0; length < bytes.length; length++)
    await expect(scanned(folder, bytes.subarray(0, length), 5)).rejects.toThrow(UserError);
});
