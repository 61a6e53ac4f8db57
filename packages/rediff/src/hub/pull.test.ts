/** What a pull brings, where it puts it, and when it asks nobody. */
import { readFile, readlink, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { folderOfTest } from "../testing/folders.js";
import { findCached } from "./hub-cache.js";
import { datasetRepo } from "./hub-names.js";
import { pull } from "./pull.js";
import { COMMIT, etagOf } from "./testing/fake-hub.js";
import { fakeHub, ID, modelFiles, noise, QUICK_RETRY, SHARD, settingsFor, treeOf } from "./testing/hub-setup.js";
import { expectFile, failureOf, scene } from "./testing/pull-scene.js";

describe("a pull", () => {
  test("brings what a model folder needs, in huggingface_hub's layout", async () => {
    const { run, folder, repo, hub, cacheDir } = await scene();
    const files = modelFiles();
    const wanted = Object.keys(files).filter((path) => !/\.(bin|py)$/.test(path));
    const pulled = await run();
    const bytes = wanted.reduce((sum, path) => sum + files[path]!.length, 0);
    expect(pulled).toMatchObject({ id: ID, revision: "main", commit: COMMIT, folder, files: wanted.length, bytes });
    // Two files have the same bytes, which travel once.
    expect(pulled.downloadedBytes).toBe(bytes - files["config.json"]!.length);
    expect(await treeOf(folder)).toEqual(wanted.sort());
    for (const path of wanted) await expectFile(folder, path);
    expect(await readlink(join(folder, SHARD))).toBe(`../../blobs/${etagOf(files[SHARD]!, true)}`);
    expect(await readlink(join(folder, "extra/config.json"))).toBe(
      `../../../blobs/${etagOf(files["config.json"]!, false)}`,
    );
    expect(await readFile(join(repo, "refs/main"), "utf8")).toBe(COMMIT);
    expect(await findCached(ID, "main", cacheDir)).toBe(folder);
    expect(await treeOf(join(cacheDir, ".locks"))).toEqual([]);
    expect(hub.requests.filter((r) => r.kind === "tree")).toHaveLength(2);
  });

  test("of a data set brings all of its files beside the models, where evaluations look for it", async ({
    onTestFinished,
  }) => {
    const cacheDir = folderOfTest();
    const files = {
      "data/test-00000.parquet": noise(2000, 5),
      "README.md": Buffer.from("# data\n"),
      "load.py": noise(10),
    };
    const hub = await fakeHub({ id: "datasets/org/tiny", files });
    onTestFinished(() => hub.close());
    const settings = settingsFor(hub, cacheDir);
    const pulled = await pull(ID, { dataset: true, settings, retry: QUICK_RETRY });
    expect(pulled).toMatchObject({ id: ID, files: 3, folder: join(cacheDir, "datasets--org--tiny/snapshots", COMMIT) });
    expect(await treeOf(pulled.folder)).toEqual(Object.keys(files).sort());
    expect(await findCached(datasetRepo(ID), "main", cacheDir)).toBe(pulled.folder);
    expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
    const few = { dataset: true, include: ["data/*"], settings: settingsFor(hub, folderOfTest()), retry: QUICK_RETRY };
    expect(await treeOf((await pull(ID, few)).folder)).toEqual(["data/test-00000.parquet"]);
  });

  test("repeated asks for no file again", async () => {
    const { run, hub } = await scene();
    await run();
    hub.requests.length = 0;
    expect((await run()).downloadedBytes).toBe(0);
    expect(new Set(hub.requests.map((r) => r.kind))).toEqual(new Set(["revision", "tree"]));
  });

  test("of another revision shares the blobs and writes its own ref", async () => {
    const { run, repo, hub } = await scene({ revisions: ["main", "refs/pr/1"] });
    await run();
    hub.requests.length = 0;
    await run({ revision: "refs/pr/1" });
    expect(await readFile(join(repo, "refs/refs/pr/1"), "utf8")).toBe(COMMIT);
    await run({ revision: COMMIT });
    expect(await treeOf(join(repo, "refs"))).toEqual(["main", "refs/pr/1"]);
    expect(hub.requests.some((r) => r.kind === "resolve")).toBe(false);
  });

  test("of a newer commit keeps the older one until it is done", async () => {
    const first = await scene();
    await first.run();
    const commit = "f".repeat(40);
    const hub = await fakeHub({ commit, files: { ...modelFiles(), "config.json": Buffer.from("{}\n") } });
    hub.misbehave = ({ path }) => (path === "config.json" ? { status: 500 } : undefined);
    const newer = () => pull(ID, { settings: settingsFor(hub, first.cacheDir), retry: QUICK_RETRY, concurrency: 1 });
    await failureOf(newer());
    expect(await findCached(ID, "main", first.cacheDir)).toBe(first.folder);
    hub.misbehave = () => undefined;
    expect((await newer()).downloadedBytes).toBeLessThan(1000);
    expect(await findCached(ID, "main", first.cacheDir)).toBe(join(first.repo, "snapshots", commit));
  });

  test("takes only what the patterns say", async () => {
    const { run, folder, cacheDir } = await scene();
    await run({ include: ["*.json", "*.bin"], exclude: ["extra/*"] });
    expect(await treeOf(folder)).toEqual([
      "config.json",
      "model.safetensors.index.json",
      "pytorch_model.bin",
      "tokenizer.json",
    ]);
    expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
    const none = await failureOf(run({ include: ["*.gguf"] }));
    expect(none.line).toMatch(/no file of org\/tiny.*config\.json.*include/);
  });

  test("copies where there are no symbolic links, and says it once", async () => {
    const { run, folder, notices } = await scene();
    await run({}, { symlinks: false });
    expect((await stat(join(folder, SHARD))).isFile()).toBe(true);
    await expect(readlink(join(folder, SHARD))).rejects.toThrow();
    expect(notices()).toEqual([expect.stringContaining("copied")]);
  });

  test("reports bytes that add up", async () => {
    const { run, events } = await scene();
    const pulled = await run();
    const start = events.find((event) => event.type === "start");
    expect(start).toMatchObject({ bytes: pulled.bytes, files: pulled.files, bytesToGet: pulled.downloadedBytes });
    const last = events.findLast((event) => event.type === "progress");
    expect(last).toMatchObject({ done: pulled.bytes, total: pulled.bytes });
  });

  test("asks file by file where a mirror has no tree", async () => {
    const { run, folder, hub } = await scene();
    hub.misbehave = ({ kind }) => (kind === "tree" ? { status: 404 } : undefined);
    await run();
    await expectFile(folder, SHARD);
    const heads = hub.requests.filter((r) => r.method === "HEAD").map((r) => r.path);
    expect(heads).toContain(SHARD);
    expect(heads).not.toContain("pytorch_model.bin");
  });

  test("says when there is nothing to check against, and checks the size at least", async () => {
    const { run, notices, hub, folder } = await scene();
    let size = modelFiles()["config.json"]!.length;
    hub.misbehave = ({ kind, method }) => {
      if (kind === "tree") return { status: 404 };
      const headers = { etag: 'W/"v1-x"', "x-linked-size": String(size) };
      return method === "HEAD" ? { status: 200, headers } : undefined;
    };
    await run({ include: ["config.json"] });
    expect(await readlink(join(folder, "config.json"))).toBe("../../blobs/v1-x");
    expect(notices()).toEqual([expect.stringContaining("no checksums")]);
    size += 1;
    expect((await failureOf(run({ include: ["config.json"] }))).line).toMatch(/expected 30 bytes, the server sends 29/);
  });
});

describe("the token", () => {
  test("goes to the hub and never to the other host", async () => {
    const { run, hub } = await scene();
    await run({}, { token: "hf_secret" });
    const seen = (kinds: string[]) =>
      new Set(hub.requests.filter((r) => kinds.includes(r.kind)).map((r) => r.authorization));
    expect(seen(["revision", "tree", "resolve"])).toEqual(new Set(["Bearer hf_secret"]));
    expect(seen(["cdn"])).toEqual(new Set([undefined]));
  });

  test("does not follow the address of the next page to another host", async () => {
    const { run, hub } = await scene();
    const other = await fakeHub();
    hub.misbehave = ({ kind, url }) =>
      kind === "tree" && !url.includes("cursor")
        ? {
            status: 200,
            body: "[]",
            headers: { link: `<${other.endpoint}/api/models/${ID}/tree/x?cursor=0>; rel="next"` },
          }
        : undefined;
    await run({}, { token: "hf_secret" });
    expect(other.requests).toEqual([]);
    expect(hub.requests.filter((r) => r.kind === "tree").length).toBeGreaterThan(1);
  });
});

describe("offline", () => {
  test("a complete model is there, and nobody is asked", async () => {
    const { run, hub, folder, notices } = await scene();
    const online = await run();
    hub.requests.length = 0;
    expect(await run({}, { offline: true })).toEqual({ ...online, downloadedBytes: 0 });
    expect(folder).toBe(online.folder);
    expect(hub.requests).toEqual([]);
    expect(notices()).toEqual([expect.stringContaining("HF_HUB_OFFLINE")]);
  });

  test("an incomplete one is not", async () => {
    const { run, folder } = await scene();
    await run();
    await rm(join(folder, "tokenizer.json"));
    expect((await failureOf(run({}, { offline: true }))).line).toMatch(/HF_HUB_OFFLINE is set.*not complete.*Unset/);
  });
});
