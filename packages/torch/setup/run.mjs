// @ts-check
/** Child processes: output as lines while they run, and everything at the end. */
import { spawn } from "node:child_process";

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [input] text for its stdin
 * @property {number} [timeoutMs]
 * @property {(line: string) => void} [onLine] called for each line of its stdout
 */

/**
 * Runs a program to its end. Never rejects: a program that is not there or cannot be started has status -1.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ status: number, stdout: string, stderr: string }>}
 */
export function run(command, args, options = {}) {
  const { cwd, env, input = "", timeoutMs, onLine } = options;
  return new Promise((done) => {
    const child = spawn(command, args, { cwd, env, timeout: timeoutMs, stdio: "pipe" });
    let stdout = "";
    let stderr = "";
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      stdout += text;
      if (onLine === undefined) return;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    });
    child.stderr.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      stderr += text;
    });
    child.on("error", (error) => done({ status: -1, stdout, stderr: error.message }));
    child.on("close", (code, signal) => {
      if (signal !== null) stderr += `\nended by ${signal}`;
      done({ status: code ?? -1, stdout, stderr });
    });
    child.stdin.on("error", () => {}); // it may end without reading
    child.stdin.end(input);
  });
}
