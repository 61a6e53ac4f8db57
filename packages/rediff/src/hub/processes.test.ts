/** `rediff pull` in processes of its own: killed in the middle, refused by the hub, and two at once. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { type Finished, type Started, startRediff } from "../testing/command-line.js";
import { test } from "../testing/fixtures.js";
import { folderOfTest } from "../testing/folders.js";
import { findCached } from "./hub-cache.js";
import { COMMIT, etagOf, type FakeHub } from "./testing/fake-hub.js";
import { fakeHub, ID, modelFiles, SHARD, treeOf } from "./testing/hub-setup.js";

const SHARD_BYTES = 6_000_000;

async function start(
  hub: FakeHub,
  cacheDir: string,
  args: string[] = [ID],
  settings: Record<string, string> = {},
): Promise<Started> {
  const none = { HF_TOKEN: "", HUGGING_FACE_HUB_TOKEN: "", HF_HUB_OFFLINE: "", HF_HUB_DISABLE_IMPLICIT_TOKEN: "" };
  const env = { ...none, HF_HOME: "/nowhere", HF_HUB_CACHE: cacheDir, HF_ENDPOINT: hub.endpoint, ...settings };
  const started = await startRediff(["pull", ...args], { env });
  onTestFinished(() => {
    started.child.kill("SIGKILL");
  });
  return started;
}

const run = async (...args: Parameters<typeof start>): Promise<Finished> => (await start(...args)).done;

async function until(isTrue: () => boolean | Promise<boolean>) {
  while (!(await isTrue())) await new Promise((later) => setTimeout(later, 5));
}

const bigModel = () => fakeHub({ files: modelFiles(SHARD_BYTES) });
const shardEtag = () => etagOf(modelFiles(SHARD_BYTES)[SHARD]!, true);

test("prints the folder alone on stdout, and JSON when asked", async ({ folder: cacheDir }) => {
  const hub = await fakeHub();
  const folder = join(cacheDir, "models--org--tiny/snapshots", COMMIT);
  const plain = await run(hub, cacheDir);
  expect(plain).toEqual({ status: 0, stdout: `${folder}\n`, stderr: "" });
  const json = await run(hub, cacheDir, [ID, "--json"]);
  expect(json.stdout.split("\n")).toHaveLength(2);
  expect(JSON.parse(json.stdout)).toEqual({
    id: ID,
    revision: "main",
    commit: COMMIT,
    folder,
    files: 8,
    bytes: 600204,
    downloaded_bytes: 0,
    seconds: expect.any(Number),
  });
});

test("an error is one line on stderr, nothing on stdout", async () => {
  const hub = await fakeHub();
  const result = await run(hub, folderOfTest(), ["org/other", "--json"]);
  expect(result).toMatchObject({ status: 1, stdout: "" });
  expect(result.stderr).toMatch(/^rediff: http:.* has no model org\/other \(HTTP 404\)\. Check .*\n$/);
});

test.each<[string, FakeHub["misbehave"], RegExp]>([
  [
    "a model that is gated",
    ({ kind }) => (kind === "resolve" ? { status: 401, headers: { "x-error-code": "GatedRepo" } } : undefined),
    /^rediff: .*is gated.* then set HF_TOKEN/,
  ],
  [
    "other bytes than promised, again and again",
    ({ kind }) => (kind === "cdn" ? { corrupt: true } : undefined),
    /^rediff: .*model-0000\d-of-00002\.safetensors.*checksum/,
  ],
  [
    "a file that is gone",
    ({ path }) => (path === "tokenizer.json" ? { status: 404 } : undefined),
    /^rediff: .*tokenizer\.json/,
  ],
])("%s: one line, and no model in the cache", async (_name, misbehave, line) => {
  const hub = await fakeHub();
  const cacheDir = folderOfTest();
  hub.misbehave = misbehave;
  const { status, stdout, stderr } = await run(hub, cacheDir);
  expect([status, stdout]).toEqual([1, ""]);
  const errors = stderr.split("\n").filter((text) => text.startsWith("rediff: ")); // others say what is tried again
  expect(errors).toEqual([expect.stringMatching(line)]);
  expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
});

test("half a file: the rest is fetched, and nobody notices", async ({ folder: cacheDir }) => {
  const hub = await fakeHub();
  hub.misbehave = ({ kind, nth }) => (kind === "cdn" && nth === 1 ? { cutAfter: 150_000 } : undefined);
  expect(await run(hub, cacheDir)).toMatchObject({ status: 0, stderr: "" });
  expect(hub.sent.get(SHARD)).toBeLessThan(400_000);
});

test("killed in the middle, it goes on where it was", async ({ folder: cacheDir }) => {
  const hub = await bigModel();
  hub.misbehave = ({ kind }) => (kind === "cdn" ? { pieceDelayMs: 10 } : undefined);
  const partial = join(cacheDir, "models--org--tiny/blobs", `${shardEtag()}.incomplete`);
  const first = await start(hub, cacheDir);
  await until(async () => ((await stat(partial).catch(() => undefined))?.size ?? 0) > SHARD_BYTES / 4);
  first.child.kill("SIGKILL");
  expect((await first.done).status).toBeNull();
  expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
  expect(await findCached(ID, COMMIT, cacheDir)).toBeUndefined();

  const kept = (await stat(partial)).size;
  expect(kept).toBeLessThan(SHARD_BYTES);
  hub.misbehave = () => undefined;
  hub.sent.clear();
  hub.requests.length = 0;
  const second = await run(hub, cacheDir);
  expect(second).toMatchObject({ status: 0, stderr: "" });
  expect(hub.sent.get(SHARD)).toBe(SHARD_BYTES - kept);
  expect(hub.requests.find((r) => r.kind === "cdn" && r.path === SHARD)?.range).toBe(`bytes=${kept}-`);
  expect(await findCached(ID, "main", cacheDir)).toBe(second.stdout.trim());
  expect(await treeOf(join(cacheDir, ".locks"))).toEqual([]);
});

test("two at once share the work", async ({ folder: cacheDir }) => {
  const hub = await bigModel();
  hub.misbehave = ({ kind }) => (kind === "cdn" ? { pieceDelayMs: 3 } : undefined);
  const results = await Promise.all([run(hub, cacheDir), run(hub, cacheDir)]);
  expect(results.map((r) => r.status)).toEqual([0, 0]);
  expect(results[0]?.stdout).toBe(results[1]?.stdout);
  expect(hub.sent.get(SHARD)).toBe(SHARD_BYTES);
  expect(await findCached(ID, "main", cacheDir)).toBe(results[0]?.stdout.trim());
  expect(await treeOf(join(cacheDir, ".locks"))).toEqual([]);
});

test("the second takes over when the first is killed", async ({ folder: cacheDir }) => {
  const hub = await bigModel();
  hub.misbehave = ({ kind }) => (kind === "cdn" ? { pieceDelayMs: 200 } : undefined);
  const first = await start(hub, cacheDir);
  await until(() => (hub.sent.get(SHARD) ?? 0) > 0);
  const second = await start(hub, cacheDir);
  let told = "";
  second.child.stderr.on("data", (text: string) => {
    told += text;
  });
  await until(() => told.includes("another process is downloading it, waiting"));
  hub.misbehave = () => undefined;
  first.child.kill("SIGKILL");
  const result = await second.done;
  expect(result.status).toBe(0);
  expect(hub.sent.get(SHARD)).toBeLessThan(SHARD_BYTES * 1.3);
  expect(await findCached(ID, "main", cacheDir)).toBe(result.stdout.trim());
});

test("offline it names what is missing and asks nobody", async () => {
  const hub = await fakeHub();
  const result = await run(hub, folderOfTest(), [ID], { HF_HUB_OFFLINE: "1" });
  expect(result).toMatchObject({ status: 1, stdout: "" });
  expect(result.stderr).toMatch(/^rediff: HF_HUB_OFFLINE is set.*\n$/);
  expect(hub.requests).toEqual([]);
});
