// @ts-check
/** How far a GPU could be used here: the CUDA part of libtorch is there, it opens with all its symbols, the driver
 *  answers. Asked in a process of its own, because what was opened stays. */
import { join } from "node:path";
import { hasCuda } from "./libtorch.mjs";
import { sharedLibrary } from "./paths.mjs";
import { run } from "./run.mjs";

/** NVIDIA's driver on Linux. */
const DRIVER = "libcuda.so.1";

/** The oldest drivers that run programs made for a CUDA of that number (NVIDIA's compatibility of minor versions). */
const OLDEST_DRIVER = new Map([
  ["12", "525"],
  ["13", "580"],
]);

/**
 * @typedef {object} CudaState
 * @property {"absent" | "unloadable" | "no driver" | "ready"} state
 * @property {string} [reason] the linker's
 */

/**
 * @param {string} libDir
 * @returns {Promise<CudaState>}
 */
export async function cudaState(libDir) {
  if (!hasCuda(libDir)) return { state: "absent" };
  const library = await openingProblem([join(libDir, sharedLibrary("torch_cuda"))]);
  if (library !== undefined) return { state: "unloadable", reason: library };
  const driver = await openingProblem([DRIVER]);
  return driver === undefined ? { state: "ready" } : { state: "no driver", reason: driver };
}

/** Why libraries cannot be opened, one after the other, with every symbol resolved; undefined when they can.
 *  @param {string[]} libraries
 *  @param {string} [libDir] where the linker looks first */
export async function openingProblem(libraries, libDir) {
  // Node opens what it is given before it finds that it is no addon: one error for a library that is sound.
  const script = `
    const { RTLD_NOW, RTLD_GLOBAL } = require("node:os").constants.dlopen;
    for (const library of process.argv.slice(1))
      try { process.dlopen({ exports: {} }, library, RTLD_NOW | RTLD_GLOBAL); }
      catch ({ message }) { if (!message.startsWith("Module did not self-register")) process.stdout.write(message + "\\n"); }
    process.exit(7);`;
  const env = libDir === undefined ? process.env : { ...process.env, LD_LIBRARY_PATH: libDir };
  const args = ["-e", script, ...libraries];
  const { status, stdout, stderr } = await run(process.execPath, args, { timeoutMs: 300_000, env });
  if (status === 7) return stdout.split("\n")[0] || undefined;
  return stderr.trim().split("\n").pop() || `opening it ended with status ${status}`;
}

/** 13.2 of 2.15.0+cu132; undefined where the version does not say.
 *  @param {string} torchVersion */
export function cudaVersion(torchVersion) {
  const [, major, minor] = /\+cu(\d\d)(\d+)$/.exec(torchVersion) ?? [];
  return major === undefined ? undefined : `${major}.${minor}`;
}

/** What a GPU and its driver have to be for this libtorch, in words.
 *  @param {string} torchVersion */
export function gpuNeeds(torchVersion) {
  const cuda = cudaVersion(torchVersion);
  const [major = ""] = cuda?.split(".") ?? [];
  const driver = OLDEST_DRIVER.get(major);
  if (driver === undefined) return "an NVIDIA GPU and its driver";
  const gpu = major === "13" ? "an NVIDIA GPU of compute capability 7.5 or newer" : "an NVIDIA GPU";
  return `${gpu} with driver ${driver} or newer, for CUDA ${cuda}`;
}
