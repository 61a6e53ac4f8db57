#!/usr/bin/env node
// @ts-check
/** Finds or installs libtorch and builds the addon for it: as a library (`ensureTorch`, `locateTorch`) and as a command.
 *
 *  Runs before anything is installed or compiled, hence plain JavaScript on Node's own modules. Never runs by itself at
 *  installation: npm blocks install scripts. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError } from "./errors.mjs";
import { locateTorch } from "./stamp.mjs";

export { locateTorch, SetupError };
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
    import("./wheel.mjs"),
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
  const [{ findCompiler }, { resolveLibtorch }, { buildAddon }, { sourceHash, sourceTimes }, { writeStamp }] =
    await Promise.all([
      import("./compiler.mjs"),
      import("./libtorch.mjs"),
      import("./build.mjs"),
      import("./sources.mjs"),
      import("./stamp.mjs"),
    ]);
  await findCompiler(); // before the download, so that its lack shows at once
  const libtorch = await resolveLibtorch(ui);
  const [times, hash] = [sourceTimes(), sourceHash()];
  const addon = await buildAddon(libtorch, ui);
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

const USAGE = `Usage: rediff-torch-setup [--quiet | --verbose] [--check] [--json]

Finds or fetches libtorch and builds the addon for it.

  --quiet    say nothing unless there is something to do
  --verbose  say more
  --check    do nothing; exit with 1 if something is missing
  --json     print what was found as JSON on stdout

Environment: LIBTORCH (a libtorch of your own), REDIFF_CACHE (where things are kept), REDIFF_TORCH_VERSION (the torch
wheel to fetch), REDIFF_CUDA (1 or 0: with or without CUDA; else by whether there is a GPU), CXX (the compiler).
`;

/** @param {string[]} args */
async function main(args) {
  const unknown = args.find((arg) => !["--quiet", "--verbose", "--check", "--json", "--help", "-h"].includes(arg));
  if (unknown !== undefined) throw new SetupError(`unknown option ${unknown}`, "See --help.");
  if (args.includes("--help") || args.includes("-h")) return void process.stdout.write(USAGE);
  const quiet = args.includes("--quiet") || args.includes("--json");
  const torch = args.includes("--check")
    ? locateTorch()
    : await ensureTorch({ quiet, verbose: args.includes("--verbose") });
  if (torch === undefined) throw new SetupError("libtorch and the addon are not set up", "Run rediff-torch-setup.");
  if (args.includes("--json")) process.stdout.write(`${JSON.stringify(torch)}\n`);
}

if (process.argv[1] !== undefined && isThisFile(process.argv[1])) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(
      `${error instanceof SetupError ? `setup: ${error.line}` : error instanceof Error ? error.stack : error}\n`,
    );
    process.exitCode = 1;
  }
}

/** @param {string} path */
function isThisFile(path) {
  try {
    return realpathSync(path) === realpathSync(fileURLToPath(import.meta.url));
  } catch {
    return false;
  }
}
