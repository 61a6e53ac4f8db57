// @ts-check
/** Looks at everything that the project needs of a machine, changes nothing, and says what to do about what is missing. */
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { findCompiler } from "./compiler.mjs";
import { cudaState, gpuNeeds } from "./cuda.mjs";
import { CUDA_PART } from "./cuda-part.mjs";
import { SetupError } from "./errors.mjs";
import { inspect } from "./libtorch.mjs";
import { cacheRoot, describe, onPath } from "./paths.mjs";
import { findPrebuilt } from "./prebuilt/prebuilt.mjs";
import { findPythons } from "./python.mjs";
import { run } from "./run.mjs";
import { locateTorch } from "./stamp.mjs";
import { pinnedVersion, wantsCuda, wheelFolder } from "./wheel.mjs";
import { readPipSettings } from "./wheels/pip-settings.mjs";

const FIX = "Run npx rediff doctor --fix.";
const SETUP_BYTES = 2e9; // the wheel, what is unpacked of it and the build, with room to spare
const SMALL_MEMORY_BYTES = 4e9;

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {boolean} ok
 * @property {string} found
 * @property {string} [remedy] what to do, where it is not ok
 * @property {boolean} required whether something does not work at all without it
 */

/**
 * @returns {Promise<Check[]>}
 */
export async function diagnose() {
  const torch = locateTorch();
  const isSetUp = torch !== undefined;
  const pythons = await findPythons();
  const libtorch = await checkLibtorch(torch, pythons);
  const checks = await Promise.all([
    checkNode(),
    checkProgram("npm", ["--version"], "Install npm (Debian, Ubuntu: apt install npm).", false),
    checkCompiler(!isSetUp && findPrebuilt() === undefined),
    checkPython(pythons, !libtorch.ok),
    libtorch,
    checkAddon(torch),
    checkProgram("ffmpeg", ["-version"], "Only needed for videos. Debian, Ubuntu: apt install ffmpeg.", false),
    checkProgram("ffprobe", ["-version"], "Only needed for videos. Debian, Ubuntu: apt install ffmpeg.", false),
    checkDisk(!isSetUp),
    checkProcessor(),
    checkMemory(),
    checkGpu(),
    checkCuda(torch),
  ]);
  return checks.map(({ remedy, ...check }) => (check.ok || remedy === undefined ? check : { ...check, remedy }));
}

/**
 * A table for people, one line a check and one more for its remedy.
 * @param {Check[]} checks
 */
export function formatChecks(checks) {
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks
    .flatMap(({ name, ok, found, remedy, required }) => {
      const mark = ok ? "ok  " : required ? "FAIL" : "-   ";
      const line = `${mark}  ${name.padEnd(width)}  ${found}`;
      return remedy === undefined ? [line] : [line, `${" ".repeat(width + 8)}${remedy}`];
    })
    .join("\n");
}

/** @returns {Check} */
function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  return { name: "Node", ok, found: process.versions.node, remedy: "Install Node 20.19 or newer.", required: true };
}

/**
 * @param {string} name
 * @param {string[]} args
 * @param {string} remedy
 * @param {boolean} required
 * @returns {Promise<Check>}
 */
async function checkProgram(name, args, remedy, required) {
  const file = onPath(name);
  if (file === undefined) return { name, ok: false, found: "not on the path", remedy, required };
  const { status, stdout, stderr } = await run(file, args, { timeoutMs: 30_000 });
  const line = (stdout.trim() || stderr.trim()).split("\n")[0] ?? "";
  return { name, ok: status === 0, found: line.replace(/ Copyright.*/, ""), remedy, required };
}

/**
 * @param {boolean} required
 * @returns {Promise<Check>}
 */
async function checkCompiler(required) {
  const name = "C++ compiler";
  try {
    const { version } = await findCompiler();
    return { name, ok: true, found: `${version}, C++20`, required };
  } catch (error) {
    const remedy = error instanceof SetupError ? error.hint : FIX;
    return { name, ok: false, found: describe(error), remedy, required };
  }
}

/**
 * Python is needed only where pip's settings are such that no package index can be read without it.
 * @param {import("./python.mjs").Python[]} pythons
 * @param {boolean} isWheelDue whether libtorch is still to be fetched
 * @returns {Check}
 */
function checkPython(pythons, isWheelDue) {
  const name = "Python with pip";
  const python = pythons.find(({ pip }) => pip);
  if (python !== undefined) return { name, ok: true, found: `${python.version} (${python.command})`, required: false };
  const absent = pythons.length > 0 ? `${pythons[0]?.command} has no pip` : "no Python 3.8 or newer on the path";
  const problem = indexProblem();
  if (problem === undefined)
    return { name, ok: true, found: `${absent}; not needed: libtorch comes from the package index`, required: false };
  const remedy =
    "Only needed to fetch libtorch: mend the settings, install it (Debian, Ubuntu: apt install python3-pip), or set LIBTORCH.";
  return { name, ok: false, found: `${absent}, and ${problem}`, remedy, required: isWheelDue };
}

/** Why pip's settings allow no package index without pip; undefined where they do. */
function indexProblem() {
  try {
    const { indexes } = readPipSettings();
    if (indexes.length === 0) return "pip's settings forbid package indexes (no-index)";
    return indexes.every((index) => /^https?:/.test(index))
      ? undefined
      : "a package index of pip's settings is not of http or https";
  } catch (error) {
    return describe(error);
  }
}

/**
 * @param {import("./stamp.mjs").Torch | undefined} torch
 * @param {import("./python.mjs").Python[]} pythons
 * @returns {Promise<Check>}
 */
async function checkLibtorch(torch, pythons) {
  const name = "libtorch";
  const found = (/** @type {string} */ text) => ({ name, ok: true, found: text, required: true });
  if (torch !== undefined) return found(`${torch.torchVersion}, ${torch.source}, ${torch.libDir}`);
  const given = process.env.LIBTORCH;
  const installed = pythons.find((python) => python.torch !== null)?.torch;
  /** @type {[folder: string, source: "LIBTORCH" | "python" | "wheel"][]} */
  const places = given
    ? [[given, "LIBTORCH"]]
    : [
        ...(installed ? [/** @type {[string, "python"]} */ ([installed, "python"])] : []),
        [join(wheelFolder(), "torch"), "wheel"],
      ];
  /** @type {string[]} */
  const refused = [];
  for (const [folder, source] of places) {
    if (!existsSync(folder) && source === "wheel") continue;
    try {
      const { version, libDir } = await inspect(folder, source);
      return found(`${version}, ${source}, ${libDir}`);
    } catch (error) {
      refused.push(`${folder}: ${describe(error)}`);
    }
  }
  const remedy = given ? "Mend LIBTORCH or unset it." : `${FIX} It fetches the wheel of torch ${pinnedVersion()}.`;
  return { name, ok: false, found: refused.join("; ") || "not there yet", remedy, required: true };
}

/**
 * @param {import("./stamp.mjs").Torch | undefined} torch
 * @returns {Check}
 */
function checkAddon(torch) {
  const found = torch === undefined ? "not built yet, or the sources have changed" : torch.addon;
  return { name: "addon", ok: torch !== undefined, found, remedy: FIX, required: true };
}

/**
 * @param {boolean} required
 * @returns {Check}
 */
function checkDisk(required) {
  let folder = cacheRoot();
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return {
    name: "disk space",
    ok: free >= SETUP_BYTES,
    found: `${gigabytes(free)} free for ${cacheRoot()}`,
    remedy: `The set-up needs ${gigabytes(SETUP_BYTES)}. Make room, or set REDIFF_CACHE to a folder on another disk.`,
    required,
  };
}

/** @returns {Check} */
function checkProcessor() {
  const model = cpus()[0]?.model.trim() || process.arch;
  const features = cpuFeatures();
  return {
    name: "processor",
    ok: process.arch !== "x64" || process.platform !== "linux" || features.includes("avx2"),
    found: [`${model}, ${availableParallelism()} cores`, ...features].join(", "),
    remedy: "Without AVX2 it works, but several times slower.",
    required: false,
  };
}

/** The vector units that libtorch's kernels choose by, where Linux tells. */
function cpuFeatures() {
  try {
    const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" ") ?? [];
    return ["avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16"].filter((name) =>
      flags.includes(name),
    );
  } catch {
    return [];
  }
}

/** @returns {Check} */
function checkMemory() {
  return {
    name: "memory",
    ok: totalmem() >= SMALL_MEMORY_BYTES,
    found: `${gigabytes(totalmem())}, ${gigabytes(freemem())} free`,
    remedy: "Models of 8B parameters need 16 GB in bfloat16, 32 GB in float32.",
    required: false,
  };
}

/** @returns {Promise<Check>} */
async function checkGpu() {
  const name = "GPU";
  if (process.platform === "darwin") return { name, ok: true, found: "Apple's, through mps", required: false };
  const smi = onPath("nvidia-smi");
  if (smi === undefined) return { name, ok: true, found: "none (no nvidia-smi): the CPU is used", required: false };
  const query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"];
  const { status, stdout, stderr } = await run(smi, query, { timeoutMs: 30_000 });
  const text = (stdout.trim() || stderr.trim()).split("\n").join("; ");
  return { name, ok: status === 0, found: text, remedy: "NVIDIA's driver does not answer.", required: false };
}

/** How far libtorch could use a GPU, and what is missing for it. Wrong only where there is a GPU, or where CUDA was asked for.
 *  @param {import("./stamp.mjs").Torch | undefined} torch
 *  @returns {Promise<Check>} */
async function checkCuda(torch) {
  const name = "CUDA";
  const required = false;
  if (process.platform !== "linux" || torch === undefined)
    return { name, ok: true, found: torch === undefined ? "libtorch is not set up" : "not on this system", required };
  const { state, reason } = await cudaState(torch.libDir);
  const needs = gpuNeeds(torch.torchVersion);
  const isWhole = existsSync(join(dirname(torch.addon), CUDA_PART));
  const graphs = isWhole ? "passes can be captured" : `no graphs, for there is no ${CUDA_PART} beside the addon`;
  const fetch = "set REDIFF_CUDA=1, then run npx rediff doctor --fix (2.7 GB to fetch, 4.2 GB on disk)";
  const isWanted = wantsCuda();
  switch (state) {
    case "absent":
      return isWanted
        ? { name, ok: false, found: "this libtorch is for the CPU only", remedy: `To use the GPU, ${fetch}.`, required }
        : { name, ok: true, found: `not there, nor needed by a CPU. A GPU needs it: ${fetch}; and ${needs}`, required };
    case "unloadable":
      return {
        name,
        ok: false,
        found: `libtorch_cuda cannot be opened: ${reason}`,
        remedy: `To repair it, remove ${torch.libDir} and ${fetch}.`,
        required,
      };
    case "no driver":
      return {
        name,
        ok: !isWanted,
        found: `libtorch_cuda opens, all symbols found; ${graphs}; no driver (${reason})`,
        remedy: `It needs ${needs}.`,
        required,
      };
    case "ready":
      return {
        name,
        ok: true,
        found: `libtorch_cuda opens, all symbols found, and so does the driver; ${graphs}; it needs ${needs}`,
        required,
      };
  }
}

/** @param {number} bytes */
function gigabytes(bytes) {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
