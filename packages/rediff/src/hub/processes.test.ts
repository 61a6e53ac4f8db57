/** `rediff pull` in processes of its own: killed in the middle, and two at once. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { findCached } from "./cache.js";
import { COMMIT, etagOf, type FakeHub } from "./testing/fake-hub.js";
import { fakeHub, ID, modelFiles, SHARD, scratchFolder, treeOf } from "./testing/scratch.js";

const SHARD_BYTES = 6_000_000;
let bundleFolder = "";
let program = "";

beforeAll(async () => {
  bundleFolder = await mkdtemp(join(tmpdir(), "rediff-hub-program-"));
  await build({
    logLevel: "error",
    configFile: false,
    build: {
      ssr: fileURLToPath(new URL("testing/pull-child.ts", import.meta.url)),
      outDir: bundleFolder,
      rollupOptions: { output: { entryFileNames: "pull.mjs" } },
    },
    ssr: { noExternal: true },
  });
  program = join(bundleFolder, "pull.mjs");
});

afterAll(() => rm(bundleFolder, { recursive: true, force: true }));

interface Run {
  child: ChildProcess;
  done: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function start(hub: FakeHub, cacheDir: string, args: string[] = [ID], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, HF_HOME: "/nowhere", HF_HUB_CACHE: cacheDir, HF_ENDPOINT: hub.endpoint, ...env },
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  const done = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, stdout, stderr })),
  );
  return { child, done };
}

async function until(isTrue: () => boolean | Promise<boolean>) {
  while (!(await isTrue())) await new Promise((later) => setTimeout(later, 5));
}

const bigModel = () => fakeHub({ files: modelFiles(SHARD_BYTES) });
const shardEtag = () => etagOf(modelFiles(SHARD_BYTES)[SHARD]!, true);

test("prints the folder alone on stdout, and JSON when asked", async () => {
  const hub = await fakeHub();
  const cacheDir = await scratchFolder();
  const folder = join(cacheDir, "models--org--tiny/snapshots", COMMIT);
  const plain = await start(hub, cacheDir).done;
  expect(plain).toEqual({ code: 0, stdout: `${folder}\n`, stderr: "" });
  const json = await start(hub, cacheDir, [ID, "--json"]).done;
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
  const result = await start(hub, await scratchFolder(), ["org/other", "--json"]).done;
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toMatch(/^http:.* has no model org\/other \(HTTP 404\)\. Check .*\n$/);
});

test("killed in the middle, it goes on where it was", async () => {
  const hub = await bigModel();
  const cacheDir = await scratchFolder();
  hub.misbehave = ({ kind }) => (kind === "cdn" ? { pieceDelayMs: 10 } : undefined);
  const partial = join(cacheDir, "models--org--tiny/blobs", `${shardEtag()}.incomplete`);
  const first = start(hub, cacheDir);
  await until(async () => ((await stat(partial).catch(() => undefined))?.size ?? 0) > SHARD_BYTES / 4);
  first.child.kill("SIGKILL");
  expect((await first.done).code).toBeNull();
  expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
  expect(await findCached(ID, COMMIT, cacheDir)).toBeUndefined();

  const kept = (await stat(partial)).size;
  expect(kept).toBeLessThan(SHARD_BYTES);
  hub.misbehave = () => undefined;
  hub.sent.clear();
  hub.requests.length = 0;
  const second = await start(hub, cacheDir).done;
  expect(second).toMatchObject({ code: 0, stderr: "" });
  expect(hub.sent.get(SHARD)).toBe(SHARD_BYTES - kept);
  expect(hub.requests.find((r) => r.kind === "cdn" && r.path === SHARD)?.range).toBe(`bytes=${kept}-`);
  expect(await findCached(ID, "main", cacheDir)).toBe(second.stdout.trim());
  expect(await treeOf(join(cacheDir, ".locks"))).toEqual([]);
});

test("two at once share the work", async () => {
  const hub = await bigModel();
  const cacheDir = await scratchFolder();
  hub.misbehave = ({ kind }) => (kind === "cdn" ? { pieceDelayMs: 3 } : undefined);
  const results = await Promise.all([start(hub, cacheDir).done, start(hub, cacheDir).done]);
  expect(results.map((r) => r.code)).toEqual([0, 0]);
  expect(results[0]?.stdout).toBe(results[1]?.stdout);
  expect(hub.sent.get(SHARD)).toBe(SHARD_BYTES);
  expect(await findCached(ID, "main", cacheDir)).toBe(results[0]?.stdout.trim());
  expect(await treeOf(join(cacheDir, ".locks"))).toEqual([]);
});

test("the second takes over when the first is killed", async () => {
  const hub = await bigModel();
  const cacheDir = await scratchFolder();
  hub.misbehave = ({ kind }) => (kind === "cdn" ? { pieceDelayMs: 8 } : undefined);
  const first = start(hub, cacheDir);
  await until(() => (hub.sent.get(SHARD) ?? 0) > SHARD_BYTES / 4);
  const second = start(hub, cacheDir);
  await until(() => hub.requests.filter((r) => r.kind === "tree").length >= 4);
  await new Promise((later) => setTimeout(later, 150));
  hub.misbehave = () => undefined;
  first.child.kill("SIGKILL");
  const result = await second.done;
  expect(result.code).toBe(0);
  expect(result.stderr).toContain("another process is downloading it, waiting");
  expect(hub.sent.get(SHARD)).toBeLessThan(SHARD_BYTES * 1.3);
  expect(await findCached(ID, "main", cacheDir)).toBe(result.stdout.trim());
});

test("offline it names what is missing and asks nobody", async () => {
  const hub = await fakeHub();
  const result = await start(hub, await scratchFolder(), [ID], { HF_HUB_OFFLINE: "1" }).done;
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toMatch(/^HF_HUB_OFFLINE is set.*\n$/);
  expect(hub.requests).toEqual([]);
});

test("help has examples", async () => {
  const hub = await fakeHub();
  const { code, stdout } = await start(hub, await scratchFolder(), ["--help"]).done;
  expect(code).toBe(0);
  expect(stdout).toContain("$ rediff pull GSAI-ML/LLaDA-V");
});
