// @ts-check
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { placeOf } from "../../../../packages/rediff/dist/data/records/file-index.js";
import { RecordReader } from "../../../../packages/rediff/dist/data/records/record-reader.js";
import { indexFile } from "../../../../packages/rediff/dist/data/records/scan-file.js";
import { UserError } from "../../../../packages/rediff/dist/errors.js";
import { openArchive } from "../../../../packages/rediff/dist/pipeline/archives/archive.js";
import { unpackTar } from "../../../../packages/rediff/dist/pipeline/archives/unpack-tar.js";
import { base256, paxHeader, tarArchive } from "../../../../packages/rediff/dist/pipeline/formats/testing/archives.js";
import { defineTarget } from "../../target.mjs";
import { NoFiles } from "../checkpoint/zip.mjs";

const json = { name: "d/1.json", content: '{"id":"1","conversations":[]}' };
const picture = { name: "d/1.jpg", content: "picture" };

/** Most of it may change and the archive stays one. */
const large = { name: "d/1.jpg", content: "picture ".repeat(500) };

/** Checksums right again, so that an input gets past them: three in four.
 *  @param {Uint8Array} input */
function mended(input) {
  const bytes = Buffer.from(input);
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const header = bytes.subarray(at, at + 512);
    if (header.toString("latin1", 257, 262) !== "ustar") continue;
    header.write(" ".repeat(8), 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  }
  return bytes;
}

export default defineTarget({
  covers: ["records/scan-tar.js", "records/record-reader.js", "archives/unpack-tar.js", "archives/member-path.js"],
  file: "x.tar",
  seeds: [
    tarArchive([json, picture]),
    tarArchive([json, large]),
    tarArchive([json, large, { ...json, name: "d/2.json" }, { ...large, name: "d/2.png" }]),
    tarArchive([paxHeader("path=d/1.json", `size=${json.content.length}`), json, { ...picture, name: "d/2.jpg" }]),
    tarArchive([{ name: "././@LongLink", type: "L", content: `d/${"n".repeat(120)}.json\0` }, json]),
    tarArchive([
      { ...json, sizeField: base256(BigInt(json.content.length)) },
      { name: "d/l", type: "2", link: "d/1.json" },
    ]),
  ].map((seed) => new Uint8Array(seed)),
  dictionary: [
    "ustar",
    "size=-512",
    "path=../",
    "11 size=-1\n",
    "777777777777",
    "\x80\0\0\0",
    "\xff\xff\xff\xff",
    "L",
    "x",
    "g",
  ],
  async run(input, { file, folder }) {
    if (input.length % 4 !== 0) writeFileSync(file, mended(input));
    const outcomes = [await asShard(file), await asArchive(folder, input.length)];
    const refused = outcomes.find((outcome) => outcome !== undefined);
    if (outcomes.every((outcome) => outcome !== undefined)) throw refused;
  },
});

/** @param {string} file @returns {Promise<UserError | undefined>} its refusal */
async function asShard(file) {
  const reader = new RecordReader();
  try {
    const index = await indexFile(file);
    for (let i = 0; i < Math.min(index.count, 5); i++) {
      assert.ok((index.starts[i] ?? 0) < (index.starts[i + 1] ?? 0));
      await reader.read(placeOf(index, i));
    }
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  } finally {
    await reader.close();
  }
}

/** @param {string} folder @param {number} bytes @returns {Promise<UserError | undefined>} its refusal */
async function asArchive(folder, bytes) {
  const sink = new NoFiles(folder, "x.tar");
  try {
    const archive = await openArchive(folder, { name: "x.tar", parts: ["x.tar"] });
    if (archive.kind !== "tar") return undefined;
    await unpackTar(archive, sink, { onBytes: () => undefined, mostBytes: 64 << 20 });
    assert.ok(sink.bytes <= bytes);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}
