// @ts-check
/** libtorch out of the pinned torch wheel: downloaded with pip's settings, unpacked into the cache, once.
 *
 *  The whole wheel is fetched, though a CPU needs a quarter of it: only the whole file has a hash to check. Of the
 *  CUDA part nothing is unpacked, nor its many libraries fetched, unless a GPU is there or `REDIFF_CUDA=1` asks for it. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError } from "./errors.mjs";
import { cacheFolder, cacheRoot, platformName } from "./paths.mjs";
import { megabytes, since } from "./progress.mjs";
import { findPythons } from "./python.mjs";
import { run } from "./run.mjs";

/** The torch whose wheel is fetched; `REDIFF_TORCH_VERSION` names another one of the supported range. */
export const PINNED_TORCH = "2.15.0";

const SCRIPT = fileURLToPath(new URL("wheels.py", import.meta.url));
const OWN_TORCH = "Or set LIBTORCH to a folder that holds libtorch's lib/ and include/.";

/** @param {string} [version] */
export function wheelFolder(version = pinnedVersion(), cuda = wantsCuda()) {
  return join(cacheRoot(), "libtorch", `${version}-${platformName}${cuda ? "-cuda" : ""}`);
}

export function pinnedVersion() {
  return process.env.REDIFF_TORCH_VERSION || PINNED_TORCH;
}

/** Whether the CUDA part of libtorch is worth having: `REDIFF_CUDA` (1 or 0), else whether NVIDIA's driver is there. */
export function wantsCuda() {
  const asked = process.env.REDIFF_CUDA;
  if (asked === "1" || asked === "0") return asked === "1";
  if (process.platform !== "linux") return false;
  return ["/proc/driver/nvidia/version", "/dev/nvidiactl", "/usr/lib/wsl/lib/libcuda.so.1"].some((f) => existsSync(f));
}

/**
 * The site-packages-like folder (torch/lib, torch/include, nvidia) of the pinned wheel, fetched if it is not there.
 * @param {import("./progress.mjs").Ui} ui
 * @returns {Promise<string>}
 */
export async function fetchLibtorch(ui) {
  const version = pinnedVersion();
  const cuda = wantsCuda();
  const folder = wheelFolder(version, cuda);
  if (existsSync(folder)) return folder;
  const platforms = wheelPlatforms();
  const python = await pythonWithPip();
  const downloads = cacheFolder("downloads");
  const unpacked = join(cacheFolder("libtorch"), ".unpacking"); // one at a time: the caller holds the cache's lock
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked);
  ui.say(
    `fetching libtorch ${version}${cuda ? " with CUDA" : ""} (the torch wheel, by ${python.command} -m pip's settings)`,
  );
  try {
    await runScript(
      python.command,
      ["--torch", version, "--downloads", downloads, "--into", unpacked, ...platforms, ...(cuda ? ["--cuda"] : [])],
      ui,
    );
    renameSync(unpacked, folder);
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
  rmSync(downloads, { recursive: true, force: true }); // what was needed of the wheels is unpacked
  return folder;
}

async function pythonWithPip() {
  const pythons = await findPythons();
  const python = pythons.find(({ pip }) => pip);
  if (python !== undefined) return python;
  const [first] = pythons;
  throw new SetupError(
    first === undefined
      ? "libtorch is to be fetched with pip, but there is no Python (3.8 or newer) on the path"
      : `libtorch is to be fetched with pip, but ${first.command} has no pip`,
    `Install it (Debian, Ubuntu: apt install python3-pip; macOS: brew install python). ${OWN_TORCH}`,
  );
}

/**
 * Runs wheels.py, showing what it reports.
 * @param {string} command
 * @param {string[]} args
 * @param {import("./progress.mjs").Ui} ui
 */
async function runScript(command, args, ui) {
  /** @type {WheelEvent | undefined} */
  let last;
  let started = performance.now();
  let bytes = 0;
  const finish = () => {
    if (bytes > 1e6) ui.say(`  ${megabytes(bytes)} MB in ${since(started)}`);
    bytes = 0;
  };
  /** @param {string} line */
  const onLine = (line) => {
    const event = parseEvent(line);
    if (event === undefined) return;
    if (event.event !== "progress") finish();
    if (event.event === "found") {
      ui.say(`  ${event.file}`);
      started = performance.now();
    } else if (event.event === "progress") {
      bytes = event.done ?? 0;
      ui.bar(event.file ?? "", bytes, event.total ?? null);
    } else if (event.event === "unpack") {
      if (last?.event !== "unpack") started = performance.now();
      ui.bar("unpacking", event.done ?? 0, event.total ?? null);
      if (event.done === event.total) ui.say(`  unpacked ${megabytes(event.total ?? 0)} MB in ${since(started)}`);
    } else if (event.event === "resume") {
      ui.say(`  going on after the ${megabytes(event.done ?? 0)} MB of an earlier run`);
    } else if (event.event === "retry") {
      ui.say(`  interrupted (${event.reason}); trying to go on`);
    } else if (event.event === "fallback") {
      ui.say(
        `  this pip is not known (${event.reason}): a plain pip download, which cannot go on after an interruption`,
      );
    }
    last = event;
  };
  const { status, stderr } = await run(command, [SCRIPT, ...args], { onLine });
  if (last?.event === "error") throw explain(last);
  if (status !== 0 || last?.event !== "done") {
    const reason = stderr.trim().split("\n").pop() ?? "";
    throw new SetupError(`fetching libtorch ended with status ${status} (${reason})`, OWN_TORCH);
  }
}

/**
 * @typedef {object} WheelEvent what wheels.py writes
 * @property {string} event
 * @property {string} [file]
 * @property {number} [done] bytes
 * @property {number | null} [total]
 * @property {string} [reason]
 * @property {string} [kind]
 * @property {string} [message]
 * @property {number} [needed] bytes
 * @property {number} [available]
 * @property {string} [folder]
 */

/**
 * @param {string} line
 * @returns {WheelEvent | undefined}
 */
function parseEvent(line) {
  try {
    const value = JSON.parse(line);
    return typeof value?.event === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @param {WheelEvent} event */
function explain({ kind, message = "", needed = 0, available = 0, folder = cacheRoot() }) {
  const text = message.replace(/[.\s]+$/, "");
  if (kind === "disk") {
    const numbers = needed > 0 ? `: ${megabytes(needed)} MB needed, ${megabytes(available)} MB free` : "";
    return new SetupError(
      `${text} in ${folder}${numbers}`,
      "Make room, or set REDIFF_CACHE to a folder on another disk.",
    );
  }
  if (kind === "network") {
    return new SetupError(
      `libtorch could not be fetched (${text})`,
      `Check the network and pip's settings (pip config list), then run it again: it goes on where it stopped. ${OWN_TORCH}`,
    );
  }
  if (kind === "notfound") {
    return new SetupError(text, `Check which package index pip uses (pip config list). ${OWN_TORCH}`);
  }
  if (kind === "hash")
    return new SetupError(text, `Run it again; if it happens twice, the package index is at fault. ${OWN_TORCH}`);
  return new SetupError(`pip could not fetch libtorch (${text})`, OWN_TORCH);
}

/**
 * The wheel tags that run here, newest first, as options of wheels.py.
 * @returns {string[]}
 */
function wheelPlatforms() {
  const machine = process.arch === "x64" ? "x86_64" : process.platform === "darwin" ? "arm64" : "aarch64";
  if (process.platform === "darwin") {
    const kernel = Number.parseInt(release(), 10); // 23 is macOS 14, 24 is 15; then Apple skipped to 26 for 25
    const newest = kernel >= 25 ? kernel + 1 : kernel - 9;
    return range(newest, 11).map((major) => `--platform=macosx_${major}_0_${machine}`);
  }
  const tags = range(28, 17).map((minor) => `manylinux_2_${minor}_${machine}`);
  return [...tags, `manylinux2014_${machine}`].map((tag) => `--platform=${tag}`);
}

/**
 * @param {number} from
 * @param {number} to not above `from`; included
 */
function range(from, to) {
  return Array.from({ length: Math.max(0, from - to + 1) }, (_, i) => from - i);
}

/** Throws where no wheel of torch runs and the addon has not been made to. */
export function assertPlatform() {
  if (process.platform === "win32") {
    throw new SetupError(
      "Windows itself is not supported",
      "Use the Windows Subsystem for Linux (wsl --install), and Node there.",
    );
  }
  if (!["linux-x64", "linux-arm64", "darwin-arm64"].includes(platformName)) {
    throw new SetupError(
      `no libtorch for ${platformName}`,
      "Supported are Linux on x64 and arm64, and macOS on Apple silicon (with a Node for arm64).",
    );
  }
}

/** Throws where the wheels' C library is missing; a LIBTORCH of one's own may be built for another. */
export function assertWheelRuns() {
  if (process.platform !== "linux") return;
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  const glibc = report.header?.glibcVersionRuntime;
  const [major = 0, minor = 0] = (glibc ?? "0").split(".").map(Number);
  if (major > 2 || (major === 2 && minor >= 28)) return;
  throw new SetupError(
    glibc === undefined
      ? "the torch wheels need glibc, and this system has another C library (Alpine's musl?)"
      : `the torch wheels need glibc 2.28, and this system has ${glibc}`,
    `Use a newer distribution that has glibc (Debian 12 and Ubuntu 22.04 do). ${OWN_TORCH}`,
  );
}
