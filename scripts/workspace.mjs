// @ts-check
/** The set-up of a checkout: npm's modules, the compiled TypeScript, the studio's bundle, libtorch and its addon. Each
 *  step first looks whether it has been done, without starting a program, so that a set-up with nothing to do costs a
 *  tenth of a second. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildStudio, isStudioBuilt } from "../packages/studio/scripts/build.mjs";
import { UsageError } from "../packages/torch/setup/errors.mjs";
import { ensureTorch, SetupError } from "../packages/torch/setup/index.mjs";
import { withLock } from "../packages/torch/setup/lock.mjs";
import { cacheFolder, describe, onPath, platformName } from "../packages/torch/setup/paths.mjs";
import { createUi, since } from "../packages/torch/setup/progress.mjs";
import { run } from "../packages/torch/setup/run.mjs";

export { SetupError, UsageError };
/** @typedef {import("../packages/torch/setup/progress.mjs").Ui} Ui */

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Makes everything that is missing. Says nothing when there is nothing to do, if quiet.
 * @param {{ quiet?: boolean, verbose?: boolean, torch?: boolean, types?: "required" | "wanted" }} [options] without torch
 *   only what `--help` needs; with types "wanted" a type error is reported and not in the way
 */
export async function setUp({ quiet = false, verbose = false, torch = true, types = "required" } = {}) {
  const ui = createUi({ verbose });
  const started = performance.now();
  const installed = await ensureModules(ui);
  const compiled = await ensureCompiled(ui).catch((error) => {
    if (types === "required" || !(error instanceof SetupError)) throw error;
    ui.say(error.line);
    return true;
  });
  const bundled = await ensureStudio(ui);
  if (torch) await ensureTorch({ quiet: quiet || !(installed || compiled || bundled), verbose });
  if (!quiet) ui.say(`all is there (${since(started)})`);
}

// ---- npm's modules ---------------------------------------------------------------------------------------------

/**
 * Runs npm ci unless the modules are those of the lockfile. Never their install scripts: nothing here needs one.
 * @param {Ui} ui
 * @returns {Promise<boolean>} whether there was something to do
 */
async function ensureModules(ui) {
  if (modulesFit()) return false;
  return await once("modules", ui, async () => {
    if (modulesFit()) return;
    if (!modulesMatchLockfile()) await installModules(ui);
    writeStamp("modules", modulesKey());
  });
}

/** @param {Ui} ui */
async function installModules(ui) {
  const started = performance.now();
  const npm = npmCommand();
  ui.say("installing the npm packages (npm ci)");
  const args = ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status, stdout, stderr } = await run(npm.command, [...npm.args, ...args], { cwd: root });
  if (status !== 0) {
    const lines = `${stdout}${stderr}`.split("\n").filter((line) => /^npm (error|ERR!)/.test(line));
    throw new SetupError(
      `npm ci failed with status ${status}:\n${lines.slice(0, 8).join("\n") || stderr}\n`,
      "Check the network and npm's settings (npm config list), then run it again.",
    );
  }
  ui.say(`  done in ${since(started)}`);
}

function npmCommand() {
  const script = process.env.npm_execpath; // the npm that runs us, if one does
  if (script !== undefined && /npm-cli\.[cm]?js$/.test(script)) return { command: process.execPath, args: [script] };
  const npm = onPath("npm");
  if (npm === undefined)
    throw new SetupError("npm is not on the path", "Install npm (Debian, Ubuntu: apt install npm).");
  return { command: npm, args: [] };
}

function modulesFit() {
  return existsSync(join(root, "node_modules", ".package-lock.json")) && readStamp("modules") === modulesKey();
}

function modulesKey() {
  return createHash("sha256")
    .update(platformName)
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

/** Whether npm's own note of what it installed agrees with the lockfile, as after `npm install SOMETHING`. */
function modulesMatchLockfile() {
  if (readStamp("modules") === undefined && existsSync(stampFile("modules"))) return false;
  const wanted = lockedPackages(join(root, "package-lock.json"));
  const found = lockedPackages(join(root, "node_modules", ".package-lock.json"));
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    const there = found[path];
    if (there === undefined) return optional === true || !path.startsWith("node_modules/");
    return there.version === version && (link !== true || existsSync(join(root, path)));
  });
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean, link?: boolean }>}
 */
function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return {};
  }
}

// ---- TypeScript ------------------------------------------------------------------------------------------------

/**
 * Runs tsc -b unless no source has changed since it last succeeded and all that it made is there.
 * @param {Ui} ui
 * @returns {Promise<boolean>} whether there was something to do
 */
async function ensureCompiled(ui) {
  if (isCompiled(sourceTimes())) return false;
  return await once("types", ui, async () => {
    const times = sourceTimes();
    if (isCompiled(times)) return;
    const started = performance.now();
    ui.say("compiling the TypeScript (tsc -b)");
    await compile([]);
    // tsc goes by its own notes, so outputs that were deleted have to be asked for.
    if (!outputsOf(times).every(isThere)) await compile(["--force"]);
    writeStamp("types", JSON.stringify({ times, outputs: outputsOf(times).filter(isThere) }));
    ui.say(`  done in ${since(started)}`);
  });
}

/** @param {string[]} args */
async function compile(args) {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout, stderr } = await run(process.execPath, [tsc, "-b", ...args], { cwd: root });
  if (status === 0) return;
  const errors = `${stdout}${stderr}`.trimEnd();
  throw new SetupError(`the TypeScript has errors:\n${errors}\n`, "Mend them, or go back to a commit without.");
}

/**
 * Makes the studio's bundle unless it is there and made of the sources as they are.
 * @param {Ui} ui
 * @returns {Promise<boolean>} whether there was something to do
 */
async function ensureStudio(ui) {
  if (isStudioBuilt()) return false;
  return await once("studio", ui, async () => {
    if (isStudioBuilt()) return;
    const started = performance.now();
    ui.say("bundling the studio (vite build)");
    await buildStudio();
    ui.say(`  done in ${since(started)}`);
  });
}

/** @typedef {Record<string, [size: number, mtimeMs: number]>} Times */

/** @param {Times} times */
function isCompiled(times) {
  try {
    /** @type {{ times: Times, outputs: string[] }} */
    const stamp = JSON.parse(readStamp("types") ?? "");
    return JSON.stringify(stamp.times) === JSON.stringify(times) && stamp.outputs.every(isThere);
  } catch {
    return false; // it has never succeeded here
  }
}

/** @param {string} file relative to the root */
function isThere(file) {
  return existsSync(join(root, file));
}

/** Size and time of change of all that tsc -b reads of ours.
 *  @returns {Times} */
function sourceTimes() {
  const places = [".", "scripts", "packages"].flatMap((folder) => filesIn(folder, folder === "packages"));
  /** @type {Times} */
  const times = {};
  for (const file of places.sort()) {
    const { size, mtimeMs } = statSync(join(root, file));
    times[file] = [size, mtimeMs];
  }
  return times;
}

/**
 * @param {string} folder relative to the root
 * @param {boolean} deep
 * @returns {string[]}
 */
function filesIn(folder, deep) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return deep && !SKIPPED.test(entry.name) ? filesIn(path, deep) : [];
    return entry.isFile() && /\.(ts|tsx|mts|mjs)$|^(package|tsconfig.*)\.json$/.test(entry.name) ? [path] : [];
  });
}

const SKIPPED = /^(node_modules|dist|build|native|testdata|coverage)$/;

/** What is compiled out of the sources and run.
 *  @param {Times} times */
function outputsOf(times) {
  return Object.keys(times).flatMap((file) => {
    // The studio's sources are bundled, not compiled one by one.
    const match = /^(packages[\\/](?!studio)[^\\/]+)[\\/]src[\\/](.+)(?<!\.d)\.ts$/.exec(file);
    return match === null ? [] : [join(match[1] ?? "", "dist", `${match[2]}.js`)];
  });
}

// ---- stamps ----------------------------------------------------------------------------------------------------

/** In node_modules, so that they go when it goes.
 *  @param {"modules" | "types"} name */
function stampFile(name) {
  return join(root, "node_modules", `.rediff-${name}`);
}

/** @param {"modules" | "types"} name */
function readStamp(name) {
  try {
    return readFileSync(stampFile(name), "utf8");
  } catch {
    return undefined;
  }
}

/**
 * @param {"modules" | "types"} name
 * @param {string} content
 */
function writeStamp(name, content) {
  const file = stampFile(name);
  writeFileSync(`${file}.${process.pid}`, content);
  renameSync(`${file}.${process.pid}`, file);
}

/**
 * Does a step of this checkout in one process at a time.
 * @param {string} name
 * @param {Ui} ui
 * @param {() => Promise<void>} work
 */
async function once(name, ui, work) {
  const checkout = createHash("sha256").update(root).digest("hex").slice(0, 16);
  const lock = join(cacheFolder("locks"), `${checkout}-${name}.lock`); // not in node_modules, which npm ci removes
  await withLock(lock, work, (holder) => ui.say(`waiting for another set-up (${holder})`));
  return true;
}

/**
 * Runs a script's main function; what the user has to mend is one line on stderr, anything else a stack.
 * @param {() => Promise<number>} main returns the exit status
 */
export async function runScript(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.exitCode = error instanceof UsageError ? 2 : 1;
    const text =
      error instanceof SetupError ? `setup: ${error.line}` : error instanceof Error ? error.stack : describe(error);
    process.stderr.write(`${text}\n`);
  }
}
