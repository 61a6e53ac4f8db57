// @ts-check
/** What the system knows of this process: how much memory it has taken at most, and how long it was not let to run. */
import { openSync, readFileSync, readSync, writeFileSync } from "node:fs";

const buffer = Buffer.alloc(8192);
/** @type {number | undefined} */
let status;

/** @param {string} name a line of /proc/self/status in kB */
function line(name) {
  status ??= openSync("/proc/self/status", "r");
  const text = buffer.toString("latin1", 0, readSync(status, buffer, 0, buffer.length, 0));
  const at = text.indexOf(`${name}:`);
  return at < 0 ? Number.NaN : Number.parseInt(text.slice(at + name.length + 1), 10) * 1024;
}

const isLinux = process.platform === "linux";

/** The most since the process began or since `forgetPeak`. Elsewhere than on Linux: what it has now. */
export const peakBytes = () => (isLinux ? line("VmHWM") : process.memoryUsage.rss());

export function forgetPeak() {
  if (!isLinux) return;
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Some containers keep it from being written: then the peak is that of the whole process.
  }
}

/** Milliseconds for which this thread was ready, and others had the processors. Elsewhere than on Linux: 0. */
export function waitedMs() {
  if (!isLinux) return 0;
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")[1]) / 1e6 || 0;
  } catch {
    return 0; // not built into every kernel
  }
}
