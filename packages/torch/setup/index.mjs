// @ts-check
/** Finds or installs libtorch and builds the addon for it. As a command: `rediff-torch-setup`, command.mjs.
 *
 *  No top-level await here or in what it imports: the library imports it, and `require("rediff")` allows none. Runs before anything is installed or compiled, hence plain JavaScript on Node's own modules. Never runs by itself at
 *  installation: npm blocks install scripts. */
import { join } from "node:path";
import { SetupError } from "./errors.mjs";
import { cacheRoot } from "./paths.mjs";
import { locateTorch } from "./stamp.mjs";

export { cacheRoot, locateTorch, SetupError };
/** @typedef {import("./stamp.mjs").Torch} Torch */

/**
 * The addon and its libtorch; what is missing is fetched and built first, by one process at a time.
 * @param {{ quiet?: boolean, verbose?: boolean, log?: (line: string) => void }} [options] quiet says nothing unless
 *   there is something to do; log takes the lines instead of stderr
 * @returns {Promise<Torch>}
 * @throws {SetupError} for whatever the user has to mend
 */
export async function ensureTorch({ quiet = false, verbose = false, log } = {}) {
  const located = locateTorch();
  const { createUi } = await import("./progress.mjs");
  const ui = createUi({ verbose, log });
  const torch = located ?? (await setUp(ui));
  if (located !== undefined && !quiet) ui.say(`${torchText(torch)} and the addon are there`);
  return torch;
}

/** @param {import("./progress.mjs").Ui} ui */
async function setUp(ui) {
  const [{ cacheFolder }, { withLock }, { assertPlatform }] = await Promise.all([
    import("./paths.mjs"),
    import("./lock.mjs"),
    import("./wheel-platform.mjs"),
  ]);
  assertPlatform();
  const wait = (/** @type {string} */ holder) => ui.say(`waiting for another set-up (${holder})`);
  return await withLock(join(cacheFolder(), "setup.lock"), async () => locateTorch() ?? (await make(ui)), wait);
}

/**
 * @param {import("./progress.mjs").Ui} ui
 * @returns {Promise<Torch>}
 */
async function make(ui) {
  const [
    { findCompiler },
    { resolveLibtorch },
    { buildAddon },
    { buildCudaPart },
    { sourceHash, sourceTimes },
    { writeStamp },
    prebuilts,
  ] = await Promise.all([
    import("./compiler.mjs"),
    import("./libtorch.mjs"),
    import("./build.mjs"),
    import("./cuda-part.mjs"),
    import("./sources.mjs"),
    import("./stamp.mjs"),
    import("./prebuilt/prebuilt.mjs"),
  ]);
  const prebuilt = prebuilts.findPrebuilt(ui);
  if (prebuilt === undefined) await findCompiler(); // before the download, so that its lack shows at once
  const libtorch = await resolveLibtorch(ui);
  const [times, hash] = [sourceTimes(), sourceHash()];
  const taken = prebuilt === undefined ? undefined : await prebuilts.takePrebuilt(prebuilt, libtorch, ui);
  const addon = taken ?? (await buildAddon(libtorch, ui));
  if (taken === undefined || prebuilt === undefined) await buildCudaPart(libtorch, addon, ui);
  else await prebuilts.takeCudaPart(prebuilt, libtorch, addon, ui);
  /** @type {Torch} */
  const torch = { addon, libDir: libtorch.libDir, torchVersion: libtorch.version, source: libtorch.source };
  writeStamp(torch, hash, times);
  ui.say(`${torchText(torch)} and the addon are ready`);
  return torch;
}

/** @param {Torch} torch */
function torchText({ torchVersion, source, libDir }) {
  const origin = { LIBTORCH: "from LIBTORCH", python: "of the Python on the path", wheel: "from the torch wheel" };
  return `libtorch ${torchVersion} (${origin[source]}, ${libDir})`;
}
