// @ts-check
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ownCaptions, ownTables } from "../../../../packages/rediff/dist/evaluation/meteor/fixtures/own-tables.js";
import { ownMembers } from "../../../../packages/rediff/dist/evaluation/meteor/fixtures/write-tables.js";
import { meteor } from "../../../../packages/rediff/dist/evaluation/meteor/meteor.js";
import { openMeteorFiles } from "../../../../packages/rediff/dist/evaluation/meteor/meteor-files.js";
import { zipArchive } from "../../../../packages/rediff/dist/pipeline/formats/testing/archives.js";
import { defineTarget } from "../../target.mjs";

const archive = zipArchive(ownMembers);
const table = gzipSync(ownTables.paraphrases);
const isArchive = /** @param {Uint8Array} bytes */ (bytes) => bytes[0] === 0x50;

/** METEOR's archive, or its table of paraphrases; the other one is whole. */
export default defineTarget({
  covers: [
    "meteor/meteor-files.js",
    "meteor/paraphrase-table.js",
    "meteor/synonym-sets.js",
    "meteor/normalize-line.js",
  ],
  file: "input",
  seeds: [archive, table].map((seed) => new Uint8Array(seed)),
  dictionary: ["PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "synonym/english.synsets", "\x1f\x8b", "\n"],
  most: 2000,
  async run(input, { file, folder }) {
    const place = join(folder, "meteor");
    mkdirSync(join(place, "data"), { recursive: true });
    try {
      const [own, other] = [join(place, "meteor-1.5.jar"), join(place, "data/paraphrase-en.gz")];
      renameSync(file, isArchive(input) ? own : other);
      writeFileSync(isArchive(input) ? other : own, isArchive(input) ? table : archive);
      await meteor(ownCaptions, await openMeteorFiles(place));
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  },
});
