// A process and the most memory that it held: its peak (VmHWM, mapped files included), and what of it was its own and could
// not have been dropped. Linux.

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

const EVERY_MS = 50;

/**
 * @param {string[]} args of node
 * @param {{ log?: string }} [options] a file for what it writes; default it goes with ours
 * @returns {Promise<{ status: number, wall: number, cpu: number, peak: number, own: number, stdout: string }>}
 */
export function watched(args, { log } = {}) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const file = log === undefined ? undefined : openSync(log, "a");
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", file ?? "inherit"] });
    if (file !== undefined) closeSync(file);
    const seen = { peak: 0, own: 0, cpu: 0 };
    const look = () => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
        const of = (/** @type {string} */ name) =>
          1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
        seen.peak = Math.max(seen.peak, of("VmHWM"));
        seen.own = Math.max(seen.own, of("RssAnon") + of("RssShmem"));
        const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
        seen.cpu = Math.max(seen.cpu, (Number(stat[11]) + Number(stat[12])) / 100);
      } catch {
        // It has ended.
      }
    };
    const timer = setInterval(look, EVERY_MS);
    let stdout = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      look();
    });
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(timer);
      resolve({ status: code ?? 1, wall: (performance.now() - began) / 1000, stdout, ...seen });
    });
  });
}
