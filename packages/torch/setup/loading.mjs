// @ts-check
/** Whether an addon can be loaded: a library that is missing or does not fit shows here, not in the user's work. */
import { run } from "./run.mjs";

/**
 * Loads an addon in a process of its own.
 * @param {string} addon
 * @param {{ libDir?: string | undefined, allSymbols?: boolean }} [options] libDir: where the linker looks first;
 *   allSymbols: resolves every one now, which the linker otherwise does when it is first called
 * @returns {Promise<string | undefined>} why it cannot be loaded
 */
export async function loadingProblem(addon, { libDir, allSymbols = false } = {}) {
  const script = `
    const { RTLD_LAZY, RTLD_NOW } = require("node:os").constants.dlopen;
    process.dlopen({ exports: {} }, process.argv[1], process.argv[2] === "now" ? RTLD_NOW : RTLD_LAZY);`;
  const libraryPath = process.platform === "darwin" ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH";
  const env = libDir === undefined ? process.env : { ...process.env, [libraryPath]: libDir };
  const args = ["-e", script, addon, allSymbols ? "now" : "lazy"];
  const { status, stderr } = await run(process.execPath, args, { timeoutMs: 120_000, env });
  if (status === 0) return undefined;
  return /^Error: (.*)$/m.exec(stderr)?.[1] ?? (stderr.trim().split("\n").pop() || `status ${status}`);
}
