// The server under attack: `rediff serve` as anybody starts it, on loopback, with the embedded model. Its patience is
// shorter than usual, so that clients that wait for it to end do so within a minute, and it has few descriptors.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { modelProcessOf, residentBytes } from "./processes.mjs";
import { pause } from "./wire.mjs";

const PROGRAM = join(import.meta.dirname, "../packages/rediff/bin/rediff.mjs");
const POISON = pathToFileURL(join(import.meta.dirname, "poison.mjs"));

/** Files and sockets that the server may have open. */
export const DESCRIPTORS = 512;
export const LIMITS = {
  requestSeconds: 4,
  writeSeconds: 3,
  heartbeatSeconds: 3,
  bodies: 64 << 20,
};

const FLAGS = Object.entries({
  port: 0,
  "request-timeout": LIMITS.requestSeconds,
  "write-timeout": LIMITS.writeSeconds,
  "heartbeat-timeout": LIMITS.heartbeatSeconds,
  "bodies-limit": LIMITS.bodies,
}).flatMap(([name, value]) => [`--${name}`, String(value)]);

/**
 * @param {{ threads?: number, log?: (line: string) => void }} options
 */
export async function startServer({ threads, log = () => undefined }) {
  const args = ["serve", ...FLAGS, "--allow-urls", ...(threads === undefined ? [] : ["--threads", String(threads)])];
  // A shell's `ulimit` is the one way to a limit of descriptors that every system has.
  const command = `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`;
  const child = spawn("/bin/sh", ["-c", command, process.execPath, PROGRAM, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import ${POISON}` },
  });
  const ended = once(child, "exit");
  /** @type {string[]} */
  const said = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    log(line);
    if (said.push(line) > 1000) said.shift();
  });
  const [url] = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    ended.then(([status, signal]) => {
      throw new Error(`rediff serve ended (${signal ?? status}):\n${said.slice(-5).join("\n")}`);
    }),
  ]);
  const pid = /** @type {number} */ (child.pid);
  const metrics = async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return (/** @type {string} */ name) =>
      Number(
        text
          .split("\n")
          .find((line) => line.startsWith(`${name} `))
          ?.slice(name.length + 1),
      );
  };
  return {
    port: Number(new URL(url).port),
    /** What it said on its standard error, the last thousand lines. */
    said,
    /** Restarts of the model's process that the attacks meant to bring about. */
    restartsAsked: 0,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    modelPid: () => modelProcessOf(pid),
    metrics,
    /** Resident, in bytes. */
    memory: () => ({ server: residentBytes(pid), model: residentBytes(modelProcessOf(pid)) }),
    /** Until nothing is asked any more and the model is there. @param {number} ms at most */
    async settle(ms) {
      for (const end = performance.now() + ms; performance.now() < end; await pause(100)) {
        const metric = await metrics().catch(() => undefined);
        const isIdle = ["rediff_running_requests", "rediff_queue_length", "rediff_body_bytes"].every(
          (name) => metric?.(name) === 0,
        );
        if (isIdle && metric?.("rediff_ready") === 1) return true;
      }
      return false;
    },
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof startServer>>} Server */
