// @ts-check
/** The note of what the last set-up of this package made, so that finding it again costs a millisecond.
 *
 *  It lies in the cache, by the package's path: an installed package may not be writable. It is believed only while the
 *  addon is there, libtorch is the file that it was, the sources are unchanged and the environment asks for the same. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheRoot, packageRoot, sharedLibrary } from "./paths.mjs";
import { sameTimes, sourceHash, sourceTimes } from "./sources.mjs";

/**
 * @typedef {object} Torch what the library needs to know
 * @property {string} addon path of rediff_torch.node; rediff_host.node lies beside it
 * @property {string} libDir libtorch's libraries
 * @property {string} torchVersion
 * @property {"LIBTORCH" | "python" | "wheel"} source where libtorch comes from
 */

/**
 * @typedef {object} Stamp
 * @property {1} format
 * @property {Torch} torch
 * @property {string} given LIBTORCH, REDIFF_TORCH_VERSION, REDIFF_CUDA and REDIFF_PREBUILT of that set-up
 * @property {[size: number, mtimeMs: number]} core of libtorch_cpu
 * @property {string} hash of the sources
 * @property {import("./sources.mjs").FileTimes} times
 */

function stampFile() {
  return join(cacheRoot(), "stamps", `${createHash("sha256").update(packageRoot).digest("hex").slice(0, 16)}.json`);
}

function environment() {
  const { LIBTORCH = "", REDIFF_TORCH_VERSION = "", REDIFF_CUDA = "", REDIFF_PREBUILT } = process.env;
  return JSON.stringify([LIBTORCH, REDIFF_TORCH_VERSION, REDIFF_CUDA, ...(REDIFF_PREBUILT ? [REDIFF_PREBUILT] : [])]);
}

/**
 * The addon of the last set-up, if it still fits. Synchronous, a few milliseconds, starts nothing.
 * @returns {Torch | undefined}
 */
export function locateTorch() {
  try {
    /** @type {Stamp} */
    const stamp = JSON.parse(readFileSync(stampFile(), "utf8"));
    if (stamp.format !== 1 || stamp.given !== environment()) return undefined;
    statSync(stamp.torch.addon);
    if (coreOf(stamp.torch.libDir).join() !== stamp.core.join()) return undefined;
    // A fresh checkout of the same sources has new times, so the times only spare the hashing.
    if (!sameTimes(stamp.times, sourceTimes()) && stamp.hash !== sourceHash()) return undefined;
    return stamp.torch;
  } catch {
    return undefined; // nothing was set up, or something of it is gone
  }
}

/**
 * @param {Torch} torch
 * @param {string} hash of the sources that the addon was built from
 * @param {import("./sources.mjs").FileTimes} times of the same sources, taken before the build
 */
export function writeStamp(torch, hash, times) {
  /** @type {Stamp} */
  const stamp = { format: 1, torch, given: environment(), core: coreOf(torch.libDir), hash, times };
  const file = stampFile();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(stamp, undefined, 1));
  renameSync(`${file}.${process.pid}`, file);
}

export function removeStamp() {
  rmSync(stampFile(), { force: true });
}

/**
 * @param {string} libDir
 * @returns {[size: number, mtimeMs: number]}
 */
function coreOf(libDir) {
  const { size, mtimeMs } = statSync(join(libDir, sharedLibrary("torch_cpu")));
  return [size, mtimeMs];
}
