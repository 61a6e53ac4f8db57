// Our side of the JSON-lines protocol that reference/protocol.py describes: a child process, as the original is one, so
// that memory is counted for each alone.

import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Announces `hello`, then answers requests by `handlers[request.op](request)` until stdin ends. */
export async function serve(hello, handlers) {
  process.stdout.write(`${JSON.stringify({ ready: true, ...hello })}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "") continue;
    const request = JSON.parse(line);
    let reply;
    try {
      const handler = handlers[request.op];
      if (!handler) throw new Error(`unknown op ${request.op}, expected one of ${Object.keys(handlers)}`);
      reply = await handler(request);
    } catch (error) {
      console.error(error);
      reply = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify({ id: request.id, ...reply })}\n`);
  }
}

/** Restarts the count of `peakMemory`; false where the system cannot. */
export function resetPeakMemory() {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
    return true;
  } catch {
    return false;
  }
}

/** The highest resident set since `resetPeakMemory`, or since the start where that is not possible; in bytes. */
export function peakMemory() {
  try {
    const kilobytes = /^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}
