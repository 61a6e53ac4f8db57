/** Connections that break, bytes that are wrong, an abort: what is kept and what is fetched again. */
import { mkdir, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findCached, inspectCached } from "./hub-cache.js";
import type { PullEvent } from "./pull.js";
import { COMMIT, etagOf } from "./testing/fake-hub.js";
import { contentOf, ID, modelFiles, noise, SHARD, treeOf } from "./testing/hub-setup.js";
import { expectFile, expectSoundBlobs, failureOf, onShard, scene } from "./testing/pull-scene.js";

describe("a broken connection", () => {
  test("is resumed from the byte where it broke", async () => {
    const { run, hub, folder, retries } = await scene();
    hub.misbehave = onShard((nth) => (nth <= 2 ? { cutAfter: 100_000 } : undefined));
    const pulled = await run();
    await expectFile(folder, SHARD);
    const ranges = hub.requests.filter((r) => r.kind === "cdn" && r.path === SHARD).map((r) => r.range);
    expect(ranges).toEqual([undefined, "bytes=100000-", "bytes=200000-"]);
    expect(hub.sent.get(SHARD)).toBe(300_000);
    expect(pulled.downloadedBytes).toBe(pulled.bytes - modelFiles()["config.json"]!.length);
    expect(retries()).toHaveLength(2);
  });

  test("is noticed even when the server says nothing of the length", async () => {
    const { run, hub, folder } = await scene();
    hub.misbehave = onShard((nth) => (nth === 1 ? { cutAfter: 70_000, untilClose: true } : undefined));
    await run();
    await expectFile(folder, SHARD);
  });

  test("that never gets better ends in one line; what came is kept for the next time", async () => {
    const { run, hub, repo, cacheDir, folder } = await scene();
    hub.misbehave = onShard((nth) => ({ cutAfter: nth === 1 ? 120_000 : 0 }));
    const error = await failureOf(run());
    expect(error.line).toMatch(
      /model-00001.*connection closed early.*gave up after 4 tries; 120000 of 300000 bytes are kept\. Run the same/,
    );
    const partial = join(repo, "blobs", `${etagOf(modelFiles()[SHARD]!, true)}.incomplete`);
    expect((await stat(partial)).size).toBe(120_000);
    expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
    expect((await inspectCached(ID, COMMIT, cacheDir))?.missing).toContain(SHARD);
    await expectSoundBlobs(repo);
    hub.misbehave = () => undefined;
    hub.sent.clear();
    await run();
    expect(hub.sent.get(SHARD)).toBe(180_000);
    expect(await findCached(ID, "main", cacheDir)).toBe(folder);
  });

  test("that brings a megabyte each time never counts as hopeless", async () => {
    const { run, hub, folder } = await scene({ files: { ...modelFiles(), [SHARD]: noise(9_000_000) } });
    hub.misbehave = onShard(() => ({ cutAfter: 1_200_000 }));
    await run();
    expect((await contentOf(folder, SHARD)).equals(noise(9_000_000))).toBe(true);
    expect(hub.requests.filter((r) => r.kind === "cdn" && r.path === SHARD).length).toBeGreaterThan(6);
  });

  test("to a server that knows no ranges starts over", async () => {
    const { run, hub, folder } = await scene();
    hub.misbehave = onShard((nth) => ({ ignoreRange: true, ...(nth === 1 && { cutAfter: 100_000 }) }));
    const pulled = await run();
    await expectFile(folder, SHARD);
    expect(hub.sent.get(SHARD)).toBe(400_000);
    expect(pulled.downloadedBytes).toBeGreaterThan(pulled.bytes);
  });

  test("that has gone silent is given up and resumed", async () => {
    const { run, hub, folder, retries } = await scene();
    hub.misbehave = onShard((nth) => (nth === 1 ? { stallAfter: 90_000 } : undefined));
    await run({}, { timeoutMs: 200 });
    await expectFile(folder, SHARD);
    expect(retries()).toEqual(["nothing came for 0.2 s"]);
  });

  test("that is slow but alive is left alone", async () => {
    const { run, hub, retries } = await scene();
    hub.misbehave = onShard(() => ({ pieceDelayMs: 100 }));
    await run({}, { timeoutMs: 300 });
    expect(retries()).toEqual([]);
  });

  test("right at the start names the server", async () => {
    const { run, hub } = await scene();
    await hub.close();
    const error = await failureOf(run());
    expect(error.line).toContain(`${hub.endpoint} cannot be asked: connection refused`);
  });
});

describe("wrong bytes", () => {
  test("are removed and fetched once more", async () => {
    const { run, hub, folder, notices } = await scene();
    hub.misbehave = onShard((nth) => (nth === 1 ? { corrupt: true } : undefined));
    await run();
    await expectFile(folder, SHARD);
    expect(notices()).toEqual([expect.stringMatching(/do not match their checksum, starting over/)]);
  });

  test("twice are an error, and nothing of them stays", async () => {
    const { run, hub, repo } = await scene();
    hub.misbehave = onShard(() => ({ corrupt: true }));
    const error = await failureOf(run({ concurrency: 1 }));
    expect(error.line).toMatch(/model-00001.*checksum.*twice; removed/);
    await expectSoundBlobs(repo);
    expect((await treeOf(join(repo, "blobs"))).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
  });

  test("in a small file are noticed too, by git's checksum", async () => {
    const { run, hub } = await scene();
    hub.misbehave = ({ kind, path }) =>
      kind === "resolve" && path === "tokenizer.json" ? { corrupt: true } : undefined;
    expect((await failureOf(run())).line).toMatch(/tokenizer\.json.*checksum/);
  });

  test("in a partial file of an earlier run cost one more round, no more", async () => {
    const { run, hub, repo, folder } = await scene();
    await mkdir(join(repo, "blobs"), { recursive: true });
    await writeFile(join(repo, "blobs", `${etagOf(modelFiles()[SHARD]!, true)}.incomplete`), noise(50_000, 99));
    await run();
    await expectFile(folder, SHARD);
    expect(hub.sent.get(SHARD)).toBe(550_000);
  });

  test("more of them than there should be are dropped", async () => {
    const { run, repo, folder } = await scene();
    await mkdir(join(repo, "blobs"), { recursive: true });
    await writeFile(join(repo, "blobs", `${etagOf(modelFiles()[SHARD]!, true)}.incomplete`), noise(500_000, 99));
    await run();
    await expectFile(folder, SHARD);
  });

  test("a blob that was cut short on the disk is fetched anew", async () => {
    const { run, repo, folder } = await scene();
    await run();
    await truncate(join(repo, "blobs", etagOf(modelFiles()[SHARD]!, true)), 10);
    await run();
    await expectFile(folder, SHARD);
  });

  test("of another number are not kept", async () => {
    const { run, hub, repo } = await scene();
    hub.misbehave = onShard(() => ({ headers: { "content-length": "19" }, body: "x".repeat(19) }));
    expect((await failureOf(run())).line).toMatch(/expected 300000 bytes, the server sends 19/);
    await expectSoundBlobs(repo);
  });

  test("a page of a proxy instead of the file is not taken for it", async () => {
    const { run, hub, repo } = await scene();
    hub.misbehave = onShard(() => ({ headers: { "content-type": "text/html" }, body: "<html>log in</html>" }));
    expect((await failureOf(run())).line).toMatch(/a web page instead of the file/);
    await expectSoundBlobs(repo);
  });
});

test("an abort stops the transfer and keeps what came", async () => {
  const { run, hub, repo, cacheDir } = await scene();
  const stop = new AbortController();
  hub.misbehave = onShard(() => ({ stallAfter: 200_000 }));
  const onEvent = (event: PullEvent) => {
    // The other files have 300,204 bytes, so that this one has a part.
    if (event.type === "progress" && event.done > 400_000) stop.abort(new Error("enough"));
  };
  await expect(run({ signal: stop.signal, onEvent })).rejects.toThrow("enough");
  const partial = await stat(join(repo, "blobs", `${etagOf(modelFiles()[SHARD]!, true)}.incomplete`));
  expect(partial.size).toBeGreaterThan(0);
  expect(partial.size).toBeLessThan(300_000);
  expect(await treeOf(join(cacheDir, ".locks"))).toEqual([]);
});
