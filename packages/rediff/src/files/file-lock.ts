/** A lock between processes: a file that exists while somebody works on a blob.
 *
 *  Node has no flock, so a killed owner leaves its file behind. It is taken over when its process is gone (same host)
 *  or when it has not been touched for STALE_MS (another host on a shared disk). Should an owner that slept so long wake
 *  up again, two may write one partial file: harmless, since both write the same bytes to the same places, and the
 *  name is given only after the checksum. huggingface_hub's `<etag>.lock` beside ours is of another kind (flock) and
 *  is left alone. */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "./processes.js";

export interface LockOptions {
  /** Called once if another process holds it. */
  onWait?: () => void;
  signal?: AbortSignal | undefined;
}

const HEARTBEAT_MS = 5_000;
const STALE_MS = 60_000;
const POLL_MS = 100;

/** Waits for the lock, runs `work`, gives it back. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const content = JSON.stringify({ pid: process.pid, host: hostname(), id: randomUUID() });
  await mkdir(dirname(path), { recursive: true });
  let waited = false;
  while (!(await create(path, content))) {
    if (await removeIfStale(path)) continue;
    if (!waited) options.onWait?.();
    waited = true;
    options.signal?.throwIfAborted();
    await sleep(POLL_MS);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    // Only our own: somebody may have taken over while this process slept.
    if ((await contentOf(path)) === content) await rm(path, { force: true });
  }
}

async function create(path: string, content: string): Promise<boolean> {
  // Written under another name first, so that nobody ever reads a lock without its owner.
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, "wx");
    await file.writeFile(content);
    await file.close();
    await link(draft, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST") return false;
    // File systems without hard links (FAT, some network disks).
    if (code === "EPERM" || code === "ENOTSUP" || code === "ENOSYS") return createExclusively(path, content);
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function createExclusively(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(content);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function removeIfStale(path: string): Promise<boolean> {
  const content = await contentOf(path);
  if (content === undefined) return true;
  const touched = await stat(path).catch(() => undefined);
  if (touched === undefined) return true;
  if (Date.now() - touched.mtimeMs < STALE_MS && !isDead(content)) return false;
  // Two waiters may come to this point: what was moved aside may already be the other one's new lock.
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return true;
  }
  if ((await contentOf(aside)) !== content) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
  return true;
}

function isDead(content: string): boolean {
  const owner = /"pid":(\d+),"host":"([^"]*)"/.exec(content);
  if (owner === null || owner[2] !== hostname()) return false;
  return !isAlive(Number(owner[1]));
}

async function contentOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
