// @ts-check
/** Which libtorch is used: `LIBTORCH` if set (then that one or none), else the torch of the Python on the path if it is
 *  in the supported range and complete, else the pinned wheel, which is fetched. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { SetupError } from "./errors.mjs";
import { describe, onPath, sharedLibrary } from "./paths.mjs";
import { findPythons } from "./python.mjs";
import { run } from "./run.mjs";
import { fetchLibtorch } from "./wheel.mjs";
import { assertWheelRuns } from "./wheel-platform.mjs";

/** The addon is written against the operators and headers of these: from, and below. */
export const SUPPORTED = { from: [2, 8], below: [3, 0] };

/**
 * @typedef {object} Libtorch
 * @property {string} libDir
 * @property {string} includeDir
 * @property {string} version for example 2.15.0, or 2.15.0+cpu where the build says so
 * @property {"LIBTORCH" | "python" | "wheel"} source
 */

/**
 * @param {import("./progress.mjs").Ui} ui
 * @returns {Promise<Libtorch>}
 */
export async function resolveLibtorch(ui) {
  const given = process.env.LIBTORCH;
  if (given) return fromLibtorch(given);
  const installed = await fromPython(ui);
  if (installed !== undefined) return installed;
  assertWheelRuns();
  return await inspect(join(await fetchLibtorch(ui), "torch"), "wheel");
}

/**
 * @param {string} folder
 * @returns {Promise<Libtorch>}
 */
async function fromLibtorch(folder) {
  try {
    return await inspect(resolve(folder), "LIBTORCH");
  } catch (error) {
    throw new SetupError(
      `LIBTORCH=${folder} cannot be used: ${describe(error)}`,
      `Give a folder with lib/ and include/ of torch ${rangeText()}, or unset LIBTORCH to have one fetched.`,
    );
  }
}

/**
 * @param {import("./progress.mjs").Ui} ui
 * @returns {Promise<Libtorch | undefined>}
 */
async function fromPython(ui) {
  const python = (await findPythons()).find(({ torch }) => torch !== null);
  if (!python?.torch) return undefined;
  try {
    return await inspect(python.torch, "python");
  } catch (error) {
    ui.say(`passing over the torch of ${python.command}: ${describe(error)}`);
    return undefined;
  }
}

/**
 * Checks that a folder holds a libtorch that can be built against and loaded. Throws a plain Error with the reason.
 * @param {string} folder with lib/ and include/
 * @param {Libtorch["source"]} source
 * @returns {Promise<Libtorch>}
 */
export async function inspect(folder, source) {
  const libDir = join(folder, "lib");
  const includeDir = join(folder, "include");
  const core = join(libDir, sharedLibrary("torch_cpu"));
  const header = join(includeDir, "ATen", "core", "dispatch", "Dispatcher.h");
  for (const file of [core, join(libDir, sharedLibrary("c10")), header]) {
    if (!existsSync(file)) throw new Error(`it has no ${file.slice(folder.length + 1)}`);
  }
  const version = versionOf(folder);
  if (version === undefined) throw new Error("its version cannot be told (no build-version, version.py or version.h)");
  if (!isSupported(version)) throw new Error(`torch ${version} is not in the supported range, ${rangeText()}`);
  const missing = await missingLibraries(core);
  if (missing.length > 0) throw new Error(`libtorch_cpu needs ${missing.join(" and ")}, which cannot be found`);
  return { libDir, includeDir, version, source };
}

/** What the dynamic linker does not find for a library. Empty where there is no ldd to ask (macOS).
 *  @param {string} library */
async function missingLibraries(library) {
  const ldd = process.platform === "linux" ? onPath("ldd") : undefined;
  if (ldd === undefined) return [];
  const { stdout } = await run(ldd, [library], { timeoutMs: 60_000 });
  return [...stdout.matchAll(/^\s*(\S+) => not found$/gm)].flatMap(([, name]) => name ?? []);
}

/**
 * Of a release zip (build-version), a Python package (version.py) or bare headers (version.h, whose place has moved).
 * @param {string} folder
 * @returns {string | undefined}
 */
function versionOf(folder) {
  const release = tryRead(join(folder, "build-version"))?.trim();
  if (release && /^\d+\.\d+/.test(release)) return release;
  const python = tryRead(join(folder, "version.py"))?.match(/^__version__ = '([^']+)'/m)?.[1];
  if (python !== undefined) return python;
  for (const place of ["torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h"]) {
    const text = tryRead(join(folder, "include", place));
    const numbers = ["MAJOR", "MINOR", "PATCH"].map(
      (part) => text?.match(new RegExp(`^#define TORCH_VERSION_${part} (\\d+)`, "m"))?.[1],
    );
    if (numbers.every((number) => number !== undefined)) return numbers.join(".");
  }
  return undefined;
}

/** @param {string} version */
export function isSupported(version) {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  const atLeast = (/** @type {number[]} */ [a = 0, b = 0]) => major > a || (major === a && minor >= b);
  return atLeast(SUPPORTED.from) && !atLeast(SUPPORTED.below);
}

function rangeText() {
  return `${SUPPORTED.from.join(".")} or newer, below ${SUPPORTED.below[0]}`;
}

/** @param {string} file */
function tryRead(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Whether this libtorch comes with CUDA kernels. Its CUDA libraries may still be missing.
 *  @param {string} libDir */
export function hasCuda(libDir) {
  return existsSync(join(libDir, sharedLibrary("torch_cuda")));
}

/** Whether this libtorch speaks libstdc++'s C++11 strings: c10::Error's constructor takes one, and its name says which.
 *  @param {{ libDir: string }} torch */
export function usesCxx11Abi({ libDir }) {
  return readFileSync(join(libDir, sharedLibrary("c10"))).includes("NS_14SourceLocationENSt7__cxx11");
}
