import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { folderOfTest } from "../testing/folders.js";
import { withLock } from "./file-lock.js";

const links = vi.hoisted(() => ({ refused: false }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const link: typeof real.link = async (from, to) => {
    if (links.refused) throw Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
    return real.link(from, to);
  };
  return { ...real, link };
});

const NO_PROCESS = 2 ** 22 + 1;

async function lockFile(content?: object): Promise<string> {
  const path = join(folderOfTest(), ".locks", "x.lock");
  await mkdir(dirname(path), { recursive: true });
  if (content) await writeFile(path, JSON.stringify(content));
  return path;
}

async function oneAtATime(): Promise<void> {
  const path = await lockFile();
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((later) => setTimeout(later, 5));
    inside--;
  };
  await Promise.all(Array.from({ length: 6 }, () => withLock(path, {}, work)));
  expect(most).toBe(1);
  expect(await readdir(dirname(path))).toEqual([]);
}

test("one at a time, and nothing stays behind", oneAtATime);

test("it is given back when the work fails", async () => {
  const path = await lockFile();
  await expect(withLock(path, {}, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await readdir(dirname(path))).toEqual([]);
});

test("a dead process's lock is taken over, by one of many only", async () => {
  const path = await lockFile({ pid: NO_PROCESS, host: hostname(), id: "x" });
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 8 }, () =>
      withLock(path, {}, async () => {
        most = Math.max(most, ++inside);
        await new Promise((later) => setTimeout(later, 3));
        inside--;
      }),
    ),
  );
  expect(most).toBe(1);
});

test("another host's lock is respected while it is touched, and taken over when it is old", async () => {
  const owner = { pid: 1, host: "elsewhere", id: "x" };
  const path = await lockFile(owner);
  const controller = new AbortController();
  let waits = 0;
  const onWait = () => {
    waits++;
    controller.abort(new Error("stopped"));
  };
  await expect(withLock(path, { onWait, signal: controller.signal }, async () => "in")).rejects.toThrow("stopped");
  expect(waits).toBe(1);
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual(owner);
  const long = new Date(Date.now() - 120_000);
  await utimes(path, long, long);
  expect(await withLock(path, { watchMs: 20 }, async () => "in")).toBe("in");
});

test("another host's lock that is touched while we watch is in use, however old this machine's clock makes it", async () => {
  const path = await lockFile({ pid: 1, host: "elsewhere", id: "x" });
  const owner = setInterval(() => {
    const long = new Date(Date.now() - 3_600_000);
    utimes(path, long, long).catch(() => undefined);
  }, 5);
  const waited = withLock(path, { watchMs: 200, signal: AbortSignal.timeout(600) }, async () => "in");
  await expect(waited).rejects.toThrow(/timeout/);
  clearInterval(owner);
  expect(await withLock(path, { watchMs: 20 }, async () => "in")).toBe("in");
});

test.skipIf(!existsSync("/proc/self/stat"))(
  "a lock of an earlier process that had this one's number is taken over, as in a container that was started anew",
  async () => {
    const path = await lockFile({ pid: process.pid, since: "an earlier boot/1", host: hostname(), id: "x" });
    expect(await withLock(path, {}, async () => "in")).toBe("in");
  },
);

describe("a file system without hard links", () => {
  beforeEach(() => {
    links.refused = true;
  });
  afterEach(() => {
    links.refused = false;
  });

  test("one at a time all the same, and nothing stays behind", oneAtATime);

  test("a dead process's lock is taken over", async () => {
    const path = await lockFile({ pid: NO_PROCESS, host: hostname(), id: "x" });
    expect(await withLock(path, {}, async () => JSON.parse(await readFile(path, "utf8")) as unknown)).toMatchObject({
      pid: process.pid,
    });
  });
});
