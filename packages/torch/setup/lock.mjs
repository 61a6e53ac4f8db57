// @ts-check
/** A lock between processes: a file made exclusively, holding who made it, touched while the work goes on.
 *
 *  It counts as abandoned when its process is dead (same host) or has not touched it for two minutes: the second rule
 *  covers other hosts and containers, and process ids that have been given out again. Should a sleeping holder wake up
 *  after that, two processes do the same work once; all of them write to names of their own and rename. */
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from "node:fs";
import { hostname } from "node:os";

const HEARTBEAT_MS = 5_000;
const ABANDONED_MS = 120_000;
const POLL_MS = 150;
const TAKEOVER_MS = 10_000;

/**
 * Runs `work` while holding the lock `file`, waiting for its turn first.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @param {(holder: string) => void} [onWait] called once when another process holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(file, work, onWait) {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), id: `${process.pid}-${process.hrtime.bigint()}` });
  let waited = false;
  while (!create(file, mine)) {
    if (isAbandoned(file)) {
      takeAway(file);
      continue;
    }
    if (!waited) onWait?.(holderOf(file));
    waited = true;
    await new Promise((resume) => setTimeout(resume, POLL_MS));
  }
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if (read(file) === mine) rmSync(file, { force: true });
  }
}

/**
 * @param {string} file
 * @param {string} text
 */
function create(file, text) {
  let handle;
  try {
    handle = openSync(file, "wx");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
  writeSync(handle, text);
  closeSync(handle);
  return true;
}

/**
 * Removes an abandoned lock. Of several processes that find it abandoned only the one with the takeover file acts, after
 * looking again; otherwise one could remove the new lock of another.
 * @param {string} file
 */
function takeAway(file) {
  const takeover = `${file}.takeover`;
  if (create(takeover, String(process.pid))) {
    if (isAbandoned(file)) rmSync(file, { force: true });
    rmSync(takeover, { force: true });
  } else if (ageOf(takeover) > TAKEOVER_MS) {
    rmSync(takeover, { force: true });
  }
}

/** @param {string} file */
function isAbandoned(file) {
  const age = ageOf(file);
  if (age > ABANDONED_MS) return true;
  const holder = parse(read(file));
  if (holder === undefined) return age > TAKEOVER_MS; // its maker died between making and writing it
  return holder.host === hostname() && !isAlive(holder.pid);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"; // somebody else's, but alive
  }
}

/** @param {string} file */
function holderOf(file) {
  const holder = parse(read(file));
  return holder === undefined ? "another process" : `process ${holder.pid} on ${holder.host}`;
}

/**
 * @param {string} text
 * @returns {{ pid: number, host: string } | undefined}
 */
function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value?.pid === "number" && typeof value?.host === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/**
 * Milliseconds since the last touch; -Infinity when the file is gone, so that it is not taken for old.
 * @param {string} file
 */
function ageOf(file) {
  try {
    return Date.now() - statSync(file).mtimeMs;
  } catch {
    return Number.NEGATIVE_INFINITY;
  }
}

/** @param {string} file */
function touch(file) {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {}
}
