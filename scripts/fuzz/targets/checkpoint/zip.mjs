// @ts-check
import assert from "node:assert/strict";
import { isZip, readStoredZip } from "../../../../packages/rediff/dist/checkpoint/convert/stored-zip.js";
import { UserError } from "../../../../packages/rediff/dist/errors.js";
import { openArchive } from "../../../../packages/rediff/dist/pipeline/archives/archive.js";
import { MemberSink } from "../../../../packages/rediff/dist/pipeline/archives/member-sink.js";
import { inspectZip, unpackZip } from "../../../../packages/rediff/dist/pipeline/archives/unpack-zip.js";
import { zipArchive } from "../../../../packages/rediff/dist/pipeline/formats/testing/archives.js";
import { storedZip } from "../../../../packages/rediff/dist/testing/torch-save.js";
import { u32le, u64le } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** Looks at members as they come, and writes nothing. */
export class NoFiles extends MemberSink {
  bytes = 0;

  /** @override */
  async has() {
    return false;
  }

  /** @override @param {string} _path @param {number} size @param {AsyncIterable<Uint8Array>} content */
  async write(_path, size, content) {
    let bytes = 0;
    for await (const chunk of content) bytes += chunk.length;
    if (bytes !== size) throw new UserError("a member has another size than it says");
    this.bytes += bytes;
  }
}

export default defineTarget({
  covers: ["convert/stored-zip.js", "archives/unpack-zip.js", "archives/member-path.js", "formats/parts-reader.js"],
  file: "x.zip",
  seeds: [
    storedZip([{ name: "x/data.pkl", data: Buffer.from("pickle") }]),
    storedZip([
      { name: "a", data: Buffer.alloc(100) },
      { name: "dir/b.jpg", data: Buffer.from("b") },
    ]),
    zipArchive({ "1.jpg": "one".repeat(100), "d/2.jpg": "two" }),
    zipArchive([{ name: "link", content: "x", mode: 0o120777 }, { name: "dir/" }]),
  ].map((seed) => new Uint8Array(seed)),
  dictionary: [
    "PK\x03\x04",
    "PK\x01\x02",
    "PK\x05\x06",
    "PK\x06\x06",
    "PK\x06\x07",
    "../",
    "/",
    "\\",
    u32le(0xffffffff),
    u64le(2n ** 63n),
    "\x01\x00\x18\x00",
  ],
  async run(input, { file, folder }) {
    let isAccepted = false;
    if (isZip(file)) {
      try {
        let total = 0;
        for (const member of readStoredZip(file).values()) total += member.length;
        assert.ok(total <= input.length);
        isAccepted = true;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }
    const archive = await openArchive(folder, { name: "x.zip", parts: ["x.zip"] });
    if (archive.kind !== "zip") return isAccepted;
    const { bytes } = await inspectZip(archive, new NoFiles(folder, "x.zip"));
    if (bytes > 100 * input.length) return isAccepted; // As unpackAll does.
    await unpackZip(archive, new NoFiles(folder, "x.zip"), () => undefined);
    return true;
  },
});
