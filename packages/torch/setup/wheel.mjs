// @ts-check
/** libtorch out of the pinned torch wheel: downloaded with pip's settings, unpacked into the cache, once. By pip where it
 *  is, else from the package index that pip would use.
 *
 *  The whole wheel is fetched, though a CPU needs a quarter of it: only the whole file has a hash to check. Of the
 *  CUDA part nothing is unpacked, nor its many libraries fetched, unless a GPU is there or `REDIFF_CUDA=1` asks for it. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError } from "./errors.mjs";
import { cacheFolder, cacheRoot, platformName } from "./paths.mjs";
import { findPythons } from "./python.mjs";
import { run } from "./run.mjs";
import { wheelPlatforms } from "./wheel-platform.mjs";
import { explain, OWN_TORCH, reporter } from "./wheel-report.mjs";
import { WheelFailure } from "./wheels/failure.mjs";

/** The torch whose wheel is fetched; `REDIFF_TORCH_VERSION` names another one of the supported range. */
export const PINNED_TORCH = "2.15.0";

const SCRIPT = fileURLToPath(new URL("wheels.py", import.meta.url));

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
  const python = (await findPythons()).find(({ pip }) => pip);
  const downloads = cacheFolder("downloads");
  const into = join(cacheFolder("libtorch"), ".unpacking"); // one at a time: the caller holds the cache's lock
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into);
  const way =
    python === undefined ? "from the package index of pip's settings" : `by ${python.command} -m pip's settings`;
  ui.say(`fetching libtorch ${version}${cuda ? " with CUDA" : ""} (the torch wheel, ${way})`);
  const order = { version, cuda, platforms: wheelPlatforms(), downloads, into };
  try {
    if (python === undefined) await fetchFromIndex(order, ui);
    else await fetchByPip(python.command, order, ui);
    renameSync(into, folder);
  } finally {
    rmSync(into, { recursive: true, force: true });
  }
  rmSync(downloads, { recursive: true, force: true }); // what was needed of the wheels is unpacked
  return folder;
}

/** @typedef {import("./wheels/fetch-wheels.mjs").Order} Order */

/**
 * @param {Order} order
 * @param {import("./progress.mjs").Ui} ui
 */
async function fetchFromIndex(order, ui) {
  const { fetchWheels } = await import("./wheels/fetch-wheels.mjs").catch((error) => {
    if (error?.code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new SetupError("the npm packages undici and yauzl are not installed", "Run npm ci first.");
  });
  try {
    await fetchWheels(order, reporter(ui));
  } catch (error) {
    throw error instanceof WheelFailure
      ? explain({ kind: error.kind, message: error.message, ...error.room }, "index")
      : error;
  }
}

/**
 * Runs wheels.py, showing what it reports.
 * @param {string} command Python
 * @param {Order} order
 * @param {import("./progress.mjs").Ui} ui
 */
async function fetchByPip(command, { version, cuda, platforms, downloads, into }, ui) {
  const tags = platforms.map((tag) => `--platform=${tag}`);
  const args = ["--torch", version, "--downloads", downloads, "--into", into, ...tags, ...(cuda ? ["--cuda"] : [])];
  const report = reporter(ui);
  /** @type {import("./wheel-report.mjs").WheelEvent | undefined} */
  let last;
  const onLine = (/** @type {string} */ line) => {
    const event = parseEvent(line);
    if (event === undefined) return;
    report(event);
    last = event;
  };
  const { status, stderr } = await run(command, [SCRIPT, ...args], { onLine });
  if (last?.event === "error") throw explain(last, "pip");
  if (status !== 0 || last?.event !== "done") {
    const reason = stderr.trim().split("\n").pop() ?? "";
    throw new SetupError(`fetching libtorch ended with status ${status} (${reason})`, OWN_TORCH);
  }
}

/**
 * @param {string} line
 * @returns {import("./wheel-report.mjs").WheelEvent | undefined}
 */
function parseEvent(line) {
  try {
    const value = JSON.parse(line);
    return typeof value?.event === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
