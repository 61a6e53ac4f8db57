// @ts-check
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspectCached, repoFolder } from "../../../../packages/rediff/dist/hub/hub-cache.js";
import { json, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const commit = "0123456789abcdef0123456789abcdef01234567";

/** Notes of a cache that other programs write, too: what a branch points to, and what there should be. */
export default defineTarget({
  covers: ["hub/hub-cache.js"],
  refusesNothing: true,
  seeds: [
    json({ files: { "config.json": 3, "model.safetensors": 9 } }),
    json({ files: { "config.json": { size: 3, oid: "a" } }, weight_map: { "a.weight": "model.safetensors" } }),
    utf8(commit),
  ],
  dictionary: ['"files":', '"../x":', '"size":', "-1", "1e400", "null", "[", "]", "\0", '"__proto__":'],
  async run(input, { folder }) {
    // Beside the folder that is looked into, and gone with it.
    const cache = join(folder, "..", "cache");
    const repo = repoFolder(cache, "org/tiny");
    const snapshot = join(repo, "snapshots", commit);
    for (const path of [join(repo, "refs"), join(repo, ".rediff"), join(repo, "trees"), snapshot])
      mkdirSync(path, { recursive: true });
    writeFileSync(join(repo, "refs", "main"), input.length === 40 ? input : commit);
    writeFileSync(join(repo, ".rediff", `${commit}.json`), input);
    writeFileSync(join(repo, "trees", `${commit}.json`), input);
    writeFileSync(join(snapshot, "model.safetensors.index.json"), input);
    await inspectCached("org/tiny", "main", cache);
  },
});
