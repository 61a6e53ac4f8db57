// Launched processes, watched and killed from outside.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const bin = join(import.meta.dirname, "../packages/rediff/bin/rediff.mjs");

/** @typedef {{ status: number | null, said: string }} Ended */

/** @param {readonly string[]} args */
export function start(args) {
  const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  const ended = new Promise((resolve) => child.once("close", (status) => resolve({ status, said })));
  return { child, ended: /** @type {Promise<Ended>} */ (ended) };
}

/** In the order in which they were started. @param {number | undefined} pid @returns {number[]} */
export function childrenOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return [];
  }
}
