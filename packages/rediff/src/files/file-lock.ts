/** A lock between processes: a file that exists while somebody works on a blob.
 *
 *  Node has no flock, so a killed owner leaves its file behind. It is taken over when its process is gone (same host)
 *  or when it has not been touched for STALE_MS (another host on a shared disk): by the time that we waited for it, or by
 *  its own and for as long as we watched it, since clocks are set, and differ. Should an owner that slept so long wake
 *  up again, two may write one partial file: harmless, since both write the same bytes to the same places, and the
 *  name is given only after the checksum. huggingface_hub's `<etag>.lock` beside ours is of another kind (flock) and
 *  is left alone. */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { isSameAlive, thisProcess } from "./processes.js";

export interface LockOptions {
  /** Called once if another process holds it. */
  onWait?: () => void;
  signal?: AbortSignal | undefined;
  /** How long an old lock of another host is watched before it is taken over; for tests. */
  watchMs?: number;
}

const ownerSchema = z.object({ pid: z.int(), host: z.string(), since: z.string().optional() });

const HEARTBEAT_MS = 5_000;
const STALE_MS = 60_000;
const WATCH_MS = 2.2 * HEARTBEAT_MS;
const POLL_MS = 100;

/** Waits for the lock, runs `work`, gives it back. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const content = JSON.stringify({ ...thisProcess(), host: hostname(), id: randomUUID() });
  await mkdir(dirname(path), { recursive: true });
  let waited = false;
  const watch = new Watch(options.watchMs ?? WATCH_MS);
  while (!(await create(path, content))) {
    if (await removeIfStale(path, watch)) continue;
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

/** What was seen of a lock, and since when, by a clock that nobody sets. */
class Watch {
  #seen = "";
  #since = 0;

  constructor(private readonly leastMs: number) {}

  /** @param touchedMs since 1970 */
  isStale(content: string, touchedMs: number): boolean {
    const seen = `${touchedMs} ${content}`;
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#since = performance.now();
    }
    const watchedMs = performance.now() - this.#since;
    return watchedMs >= STALE_MS || (watchedMs >= this.leastMs && Date.now() - touchedMs >= STALE_MS);
  }
}

async function removeIfStale(path: string, watch: Watch): Promise<boolean> {
  const content = await contentOf(path);
  if (content === undefined) return true;
  const touched = await stat(path).catch(() => undefined);
  if (touched === undefined) return true;
  if (!watch.isStale(content, touched.mtimeMs) && !isDead(content)) return false;
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
  const { data } = ownerSchema.safeParse(parsed(content));
  return data !== undefined && data.host === hostname() && !isSameAlive(data);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // cut short by a kill
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
