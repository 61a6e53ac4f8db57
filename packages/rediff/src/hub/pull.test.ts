import { mkdir, readFile, readlink, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { folderOfTest } from "../testing/folders.js";
import { findCached, inspectCached } from "./hub-cache.js";
import type { HubSettings } from "./hub-settings.js";
import { type PullEvent, type PullOptions, pull } from "./pull.js";
import { COMMIT, etagOf, type FakeHub, type FakeModel, type Misbehaviour } from "./testing/fake-hub.js";
import {
  contentOf,
  fakeHub,
  ID,
  modelFiles,
  noise,
  QUICK_RETRY,
  SHARD,
  settingsFor,
  treeOf,
} from "./testing/scratch.js";

interface Scene {
  hub: FakeHub;
  cacheDir: string;
  repo: string;
  folder: string;
  events: PullEvent[];
  run: (options?: PullOptions, settings?: Partial<HubSettings>) => ReturnType<typeof pull>;
  notices: () => string[];
  retries: () => string[];
}

async function scene(model: Partial<FakeModel> = {}): Promise<Scene> {
  const hub = await fakeHub(model);
  const cacheDir = folderOfTest();
  const repo = join(cacheDir, "models--org--tiny");
  const events: PullEvent[] = [];
  return {
    hub,
    cacheDir,
    repo,
    folder: join(repo, "snapshots", COMMIT),
    events,
    run: (options, settings) =>
      pull(ID, {
        settings: settingsFor(hub, cacheDir, settings),
        retry: QUICK_RETRY,
        onEvent: (event) => events.push(event),
        ...options,
      }),
    notices: () => events.flatMap((event) => (event.type === "notice" ? [event.message] : [])),
    retries: () => events.flatMap((event) => (event.type === "retry" ? [event.retry.reason] : [])),
  };
}

/** Misbehaves on the way of one large file's bytes. */
function onShard(act: (nth: number, range: string | undefined) => Misbehaviour | undefined): FakeHub["misbehave"] {
  return ({ kind, path, nth, range }) => (kind === "cdn" && path === SHARD ? act(nth, range) : undefined);
}

async function failureOf(work: Promise<unknown>): Promise<UserError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  const user = error as UserError;
  expect(user.line).not.toContain("\n");
  expect(user.hint).toBeTruthy();
  return user;
}

async function expectFile(folder: string, path: string) {
  expect((await contentOf(folder, path)).equals(modelFiles()[path]!), path).toBe(true);
}

/** Nothing half-written under a final name: every blob's name is the checksum of its bytes. */
async function expectSoundBlobs(repo: string) {
  for (const name of await treeOf(join(repo, "blobs")).catch(() => [])) {
    if (name.endsWith(".incomplete")) continue;
    const bytes = await contentOf(join(repo, "blobs"), name);
    expect(etagOf(bytes, name.length === 64)).toBe(name);
  }
}

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
    expect(none.line).toMatch(/no file of org\/tiny.*config\.json.*--include/);
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

describe("a refusal", () => {
  const cases: [string, FakeHub["misbehave"], RegExp, Partial<HubSettings>?][] = [
    [
      "an unknown model",
      ({ kind }) => (kind === "revision" ? { status: 404 } : undefined),
      /has no model org\/tiny.*spelling/,
    ],
    [
      "an unknown or private model, as the hub words it",
      ({ kind }) => (kind === "revision" ? { status: 401, headers: { "x-error-code": "RepoNotFound" } } : undefined),
      /without a token \(HTTP 401\).*set HF_TOKEN/,
    ],
    [
      "a bad token",
      ({ kind }) => (kind === "revision" ? { status: 401 } : undefined),
      /with this token \(HTTP 401\).*HF_TOKEN is valid/,
      { token: "hf_secret" },
    ],
    [
      "a gated model without a token",
      ({ kind }) => (kind === "resolve" ? { status: 401, headers: { "x-error-code": "GatedRepo" } } : undefined),
      /is gated.*Accept it at http:.*org\/tiny, then set HF_TOKEN/,
    ],
    [
      "a gated model whose licence was not accepted",
      ({ kind }) => (kind === "resolve" ? { status: 403, headers: { "x-error-code": "GatedRepo" } } : undefined),
      /is gated.*with the account of your token/,
      { token: "hf_secret" },
    ],
    [
      "a file that is gone",
      ({ path }) =>
        path === "tokenizer.json" ? { status: 404, headers: { "x-error-code": "EntryNotFound" } } : undefined,
      /has no file tokenizer\.json/,
    ],
    ["a reply that is not JSON", ({ kind }) => ({ ...(kind === "revision" && { body: "<html>" }) }), /not JSON.*proxy/],
    [
      "a reply of another form",
      ({ kind }) => ({ ...(kind === "revision" && { body: '{"sha":"../../etc"}' }) }),
      /unknown form \(sha: expected a commit/,
    ],
    [
      "a file name that leaves the folder",
      ({ kind }) =>
        kind === "tree"
          ? { body: JSON.stringify([{ type: "file", path: "../../x.json", size: 1, oid: "a".repeat(40) }]) }
          : undefined,
      /would leave the model's folder/,
    ],
    [
      "a checksum that is a path",
      ({ kind }) =>
        kind === "tree"
          ? { body: JSON.stringify([{ type: "file", path: "x.json", size: 1, oid: "../../x" }]) }
          : undefined,
      /no usable size and checksum/,
    ],
    [
      "a model larger than the disk",
      ({ kind }) =>
        kind === "tree"
          ? { body: JSON.stringify([{ type: "file", path: "x.json", size: 9e15, oid: "a".repeat(40) }]) }
          : undefined,
      /not enough room.*9\.0 PB to download/,
    ],
    ["a server in trouble", () => ({ status: 503 }), /HTTP 503, trouble at the server/],
    ["redirects in circles", () => ({ status: 302, headers: { location: "/x/y" } }), /redirects in circles|no model/],
  ];

  test.each(cases)("%s", async (_name, misbehave, line, settings) => {
    const { run, hub, repo, cacheDir } = await scene();
    hub.misbehave = misbehave;
    const error = await failureOf(run({}, settings));
    expect(error.line).toMatch(line);
    expect(error.line).not.toContain("hf_secret");
    await expectSoundBlobs(repo);
    expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
    expect((await treeOf(cacheDir)).filter((path) => path.endsWith(".lock") || path.endsWith(".tmp"))).toEqual([]);
  });

  test("an unknown revision", async () => {
    const { run } = await scene();
    expect((await failureOf(run({ revision: "v9" }))).line).toMatch(/org\/tiny has no revision "v9"/);
  });

  test("too many requests: waits as long as the server asks, then goes on", async () => {
    const { run, hub, events } = await scene();
    hub.misbehave = ({ kind, nth }) =>
      kind === "revision" && nth === 1 ? { status: 429, headers: { "retry-after": "1" } } : undefined;
    const started = performance.now();
    await run();
    expect(performance.now() - started).toBeGreaterThan(990);
    expect(events.find((event) => event.type === "retry")).toMatchObject({ retry: { waitMs: 1000 } });
  });

  test("too many requests for longer than anyone waits", async () => {
    const { run, hub } = await scene();
    hub.misbehave = ({ kind }) => (kind === "cdn" ? { status: 429, headers: { "retry-after": "3600" } } : undefined);
    expect((await failureOf(run())).line).toMatch(/HTTP 429.*asks to wait 3600 s.*are kept/);
  });

  test("a server in trouble only for a moment goes unnoticed", async () => {
    const { run, hub } = await scene();
    hub.misbehave = ({ nth }) => (nth === 1 ? { status: 502 } : undefined);
    await run();
  });

  test.each(["a/b/c", "../x", ""])("%j is no model id, and nobody is asked", async (id) => {
    const { hub, cacheDir } = await scene();
    const error = await failureOf(pull(id, { settings: settingsFor(hub, cacheDir) }));
    expect(error.line).toMatch(/is not a model id/);
    expect(hub.requests).toEqual([]);
  });

  test("a cache that is a file", async () => {
    const { run, cacheDir } = await scene();
    const file = join(cacheDir, "file");
    await writeFile(file, "");
    expect((await failureOf(run({ cacheDir: file }))).line).toMatch(/is not usable.*--cache-dir/);
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

test("an abort stops the transfer and keeps what came", async () => {
  const { run, hub, repo, cacheDir } = await scene();
  const stop = new AbortController();
  hub.misbehave = onShard(() => ({ pieceDelayMs: 20 }));
  const onEvent = (event: PullEvent) => {
    if (event.type === "progress" && event.file === SHARD && event.done > 500_000) stop.abort(new Error("enough"));
  };
  await expect(run({ signal: stop.signal, onEvent })).rejects.toThrow("enough");
  const partial = await stat(join(repo, "blobs", `${etagOf(modelFiles()[SHARD]!, true)}.incomplete`));
  expect(partial.size).toBeGreaterThan(0);
  expect(partial.size).toBeLessThan(300_000);
  expect(await treeOf(join(cacheDir, ".locks"))).toEqual([]);
});
