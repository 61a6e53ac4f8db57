import { mkdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { folderOfTest } from "../testing/folders.js";
import { findCached, inspectCached, linkIntoSnapshot, repoFolder, writeRef, writeWanted } from "./hub-cache.js";
import { COMMIT } from "./testing/fake-hub.js";
import { ID } from "./testing/hub-setup.js";

/** A cache as huggingface_hub would leave it, with those files. */
async function cacheWith(files: Record<string, string>): Promise<{ cacheDir: string; repo: string; folder: string }> {
  const cacheDir = folderOfTest();
  const repo = join(cacheDir, "models--org--tiny");
  const folder = join(repo, "snapshots", COMMIT);
  for (const [path, text] of Object.entries({ [`${folder}/x`]: "", [`${repo}/refs/main`]: COMMIT })) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  for (const [path, text] of Object.entries(files)) {
    const entry = join(folder, path);
    await mkdir(dirname(entry), { recursive: true });
    await writeFile(entry, text);
  }
  return { cacheDir, repo, folder };
}

const INDEX = JSON.stringify({
  weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" },
});
const SHARDED = {
  "config.json": "{}",
  "model.safetensors.index.json": INDEX,
  "model-00001-of-00002.safetensors": "1",
  "model-00002-of-00002.safetensors": "2",
};

test("folder names are huggingface_hub's", () => {
  expect(repoFolder("/c", "org/name")).toBe("/c/models--org--name");
  expect(repoFolder("/c", "gpt2")).toBe("/c/models--gpt2");
});

test("a complete snapshot is found by branch and by commit", async () => {
  const { cacheDir, folder } = await cacheWith(SHARDED);
  expect(await findCached(ID, "main", cacheDir)).toBe(folder);
  expect(await findCached(ID, COMMIT, cacheDir)).toBe(folder);
  expect(await findCached(ID, "v2", cacheDir)).toBeUndefined();
  expect(await findCached("org/other", "main", cacheDir)).toBeUndefined();
});

test("a single weight file needs no index", async () => {
  const { cacheDir, folder } = await cacheWith({ "config.json": "{}", "model.safetensors": "1" });
  expect(await findCached(ID, "main", cacheDir)).toBe(folder);
});

test("an adapter needs its own two files, and no config.json", async () => {
  const adapter = { "adapter_config.json": "{}", "adapter_model.safetensors": "1", "README.md": "" };
  const { cacheDir, folder } = await cacheWith(adapter);
  expect(await findCached(ID, "main", cacheDir)).toBe(folder);
  await rm(join(folder, "adapter_model.safetensors"));
  expect(await inspectCached(ID, "main", cacheDir)).toMatchObject({ missing: ["adapter_model.safetensors"] });
  await writeFile(join(folder, "adapter_model.bin"), "1");
  expect(await findCached(ID, "main", cacheDir)).toBe(folder);
});

test("shards of which one is missing are not made whole by a single file beside them", async () => {
  const { cacheDir, folder } = await cacheWith({ ...SHARDED, "model.safetensors": "1" });
  expect(await findCached(ID, "main", cacheDir)).toBe(folder);
  await rm(join(folder, "model-00002-of-00002.safetensors"));
  expect(await inspectCached(ID, "main", cacheDir)).toMatchObject({ missing: ["model-00002-of-00002.safetensors"] });
});

test.each(Object.keys(SHARDED))("a snapshot without %s is not complete", async (path) => {
  const { cacheDir, folder } = await cacheWith(SHARDED);
  await rm(join(folder, path));
  expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
  expect(await inspectCached(ID, "main", cacheDir)).toMatchObject({ missing: [path] });
});

test("neither is one without any weights, or with an index that is cut off", async () => {
  const bare = await cacheWith({ "config.json": "{}" });
  expect((await inspectCached(ID, "main", bare.cacheDir))?.missing).toEqual(["*.safetensors"]);
  const cut = await cacheWith({ ...SHARDED, "model.safetensors.index.json": INDEX.slice(0, 40) });
  expect((await inspectCached(ID, "main", cut.cacheDir))?.missing).toEqual([
    "model.safetensors.index.json (unreadable)",
  ]);
});

test("a link whose blob is gone counts as missing", async () => {
  const { cacheDir, folder } = await cacheWith(SHARDED);
  await rm(join(folder, "model-00002-of-00002.safetensors"));
  await symlink("../../blobs/gone", join(folder, "model-00002-of-00002.safetensors"));
  expect((await inspectCached(ID, "main", cacheDir))?.missing).toEqual(["model-00002-of-00002.safetensors"]);
});

test("our list decides: names and sizes", async () => {
  const { cacheDir, repo, folder } = await cacheWith(SHARDED);
  await writeWanted(repo, COMMIT, [{ path: "tokenizer.json", size: 3 }], true);
  expect((await inspectCached(ID, "main", cacheDir))?.missing).toEqual(["tokenizer.json"]);
  await writeFile(join(folder, "tokenizer.json"), "{}");
  expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
  await writeFile(join(folder, "tokenizer.json"), "{ }");
  expect(await findCached(ID, "main", cacheDir)).toBe(folder);
});

test("a filtered pull adds to the list, a whole pull begins it anew", async () => {
  const { cacheDir, repo } = await cacheWith(SHARDED);
  const missing = async () => (await inspectCached(ID, "main", cacheDir))?.missing;
  await writeWanted(repo, COMMIT, [{ path: "tokenizer.json", size: 3 }], true);
  await writeWanted(repo, COMMIT, [{ path: "a.bin", size: 1 }], false);
  expect(await missing()).toEqual(["tokenizer.json", "a.bin"]);
  await writeWanted(repo, COMMIT, [{ path: "tokenizer.json", size: 3 }], true);
  expect(await missing()).toEqual(["tokenizer.json"]);
});

test("without our list huggingface_hub's tells what is missing, as far as a model needs it", async () => {
  const { cacheDir, repo } = await cacheWith(SHARDED);
  const files = {
    "tokenizer.json": { size: 9 },
    "a.py": { size: 1 },
    "README.md": { size: 1 },
    "sub/x.json": { size: 1 },
  };
  await mkdir(join(repo, "trees"));
  await writeFile(join(repo, "trees", `${COMMIT}.json`), JSON.stringify({ format_version: 1, files }));
  expect((await inspectCached(ID, "main", cacheDir))?.missing).toEqual(["tokenizer.json"]);
});

test("a list cannot lead out of the folder, a ref cannot either", async () => {
  const { cacheDir, repo, folder } = await cacheWith(SHARDED);
  await writeWanted(repo, COMMIT, [{ path: "../../../x", size: 1 }], true);
  expect(await findCached(ID, "main", cacheDir)).toBe(folder);
  await writeRef(repo, "main", "../../elsewhere");
  expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
  await expect(findCached(ID, "../refs/main", cacheDir)).rejects.toThrow(/not a revision/);
});

test("links are relative, also from subfolders, and replace what was there", async () => {
  const { repo, folder } = await cacheWith({ "config.json": "old" });
  await mkdir(join(repo, "blobs"));
  await writeFile(join(repo, "blobs", "e1"), "new");
  expect(await linkIntoSnapshot(repo, COMMIT, "config.json", "e1", true)).toBe("linked");
  expect(await linkIntoSnapshot(repo, COMMIT, "a/b/config.json", "e1", true)).toBe("linked");
  expect(await linkIntoSnapshot(repo, COMMIT, "copy.json", "e1", false)).toBe("copied");
  expect(await readlink(join(folder, "config.json"))).toBe("../../blobs/e1");
  expect(await readlink(join(folder, "a/b/config.json"))).toBe("../../../../blobs/e1");
  await expect(readlink(join(folder, "copy.json"))).rejects.toThrow();
});
