/** Sizes that a shard's headers claim are compared with the file, and records with what memory can hold. */
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openRecords } from "../../pipeline/formats/record-source.js";
import { base256, type Member, octal, paxHeader, tarArchive } from "../../pipeline/formats/testing/archives.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { placeOf } from "./file-index.js";
import { RecordReader } from "./record-reader.js";
import { indexFile } from "./scan-file.js";

const { at } = folderOfEachTest();
const json: Member = { name: "a.json", content: "{}" };

async function outcome(members: readonly Member[]): Promise<string> {
  writeFileSync(at("x.tar"), tarArchive(members));
  return indexFile(at("x.tar")).then(
    ({ count }) => `${count} records`,
    (error: Error) => error.message.replace(at("x.tar"), "x.tar"),
  );
}

describe("a shard whose header lies is refused, and the reader does not go round in circles", () => {
  test.each<[string, Member[], RegExp]>([
    [
      "a size below 0 beside the header",
      [paxHeader("size=-512"), json],
      /a member's size is "-512"; expected a whole number/,
    ],
    ["a size beside the header that is no number", [paxHeader("size=abc"), json], /a member's size is "abc"/],
    ["half a byte", [paxHeader("size=1.5"), json], /a member's size is "1\.5"/],
    ["10^18 bytes beside the header", [paxHeader("size=1000000000000000000"), json], /size is "1000000000000000000"/],
    [
      "2^50 bytes beside the header",
      [paxHeader(`size=${2 ** 50}`), json],
      /cut off at byte \d+, in a\.json, of which \d+ bytes/,
    ],
    ["a size below 0 to base 256", [{ ...json, sizeField: base256(-512n) }], /cut off at byte 0, in a\.json/],
    ["10^18 bytes to base 256", [{ ...json, sizeField: base256(10n ** 18n) }], /cut off at byte 0, in a\.json/],
    ["a size below 0 in octal digits", [{ ...json, sizeField: octal("-0000001000") }], /size is "-0000001000"/],
    ["64 GB in octal digits", [{ ...json, sizeField: Buffer.from("777777777777") }], /cut off at byte 0, in a\.json/],
    [
      "a file with holes",
      [paxHeader("GNU.sparse.major=1", "GNU.sparse.realsize=1000000000"), json],
      /byte \d+ is sparse/,
    ],
    [
      "a long name of 2 MB",
      [{ name: "././@LongLink", type: "L", content: "a".repeat(2 << 20) }, json],
      /a header at byte 0 claims 2097152 bytes of names and sizes; at most 1048576 are read/,
    ],
    ["a table of 2 MB", [{ name: "pax", type: "x", content: "a".repeat(2 << 20) }, json], /claims 2097152 bytes/],
  ])("%s", async (_, members, message) => {
    expect(await outcome(members)).toMatch(message);
  });

  test("honest ones are read as before", async () => {
    expect(await outcome([paxHeader("size=2", "path=b.json"), json, { ...json, sizeField: base256(2n) }])).toBe(
      "2 records",
    );
  });
});

test("a record of 65 MB and a sample of more than a gigabyte are told by their sizes and not read", async () => {
  writeFileSync(at("x.jsonl"), `{"a":"${"x".repeat(65 << 20)}"}\n{"b":1}\n`);
  await using reader = new RecordReader();
  const lines = await indexFile(at("x.jsonl"));
  await expect(reader.read(placeOf(lines, 0))).rejects.toThrow(/has 681574\d\d bytes; a record has at most 67108864/);
  const converted = (await openRecords(at("x.jsonl"))).records();
  await expect(converted.next()).rejects.toThrow(/x\.jsonl:1: has 681574\d\d bytes; a record has at most 67108864/);

  const bytes = 2 ** 30 + 512;
  const [start, end] = [tarArchive([{ name: "a.jpg", sizeField: octal(bytes) }]).subarray(0, 512), tarArchive([json])];
  const file = openSync(at("x.tar"), "w"); // a hole: it takes no room on the disk
  writeSync(file, start, 0, 512, 0);
  ftruncateSync(file, 512 + bytes);
  writeSync(file, end, 0, end.length, 512 + bytes);
  closeSync(file);
  const shard = await indexFile(at("x.tar"));
  await expect(reader.read(placeOf(shard, 0))).rejects.toThrow(/has 10737\d+ bytes; a sample has at most 1073741824/);
});

test("a record of a hundred thousand brackets is a broken one", async () => {
  writeFileSync(at("x.jsonl"), `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}\n`);
  await using reader = new RecordReader();
  await expect(reader.read(placeOf(await indexFile(at("x.jsonl")), 0))).rejects.toThrow(/nested more than 100 deep/);
});

test("a record of many long numbers is read in the time that its size takes", async () => {
  const numbers = Array.from({ length: 60_000 }, () => "100000000000000000000").join();
  writeFileSync(at("x.jsonl"), `{"a":[${numbers}]}\n{"a":12345678901234567}\n`);
  const started = performance.now();
  const records = (await openRecords(at("x.jsonl"))).records();
  expect((await records.next()).value?.value).toHaveProperty("a.length", 60_000);
  await expect(records.next()).rejects.toThrow(
    /x\.jsonl:2: broken JSON \(the number 12345678901234568 has more digits/,
  );
  expect(performance.now() - started, "wide, for a busy machine").toBeLessThan(10_000);
});
