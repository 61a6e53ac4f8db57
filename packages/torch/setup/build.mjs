// @ts-check
/** Compiles packages/torch/native into rediff_torch.node, a Node-API addon linked to libtorch_cpu and libc10, and
 *  native/host into rediff_host.node beside it, which is linked to neither.
 *
 *  A build is named by everything that went into it (sources, flags, compiler, libtorch and where it lies), so it never
 *  has to be checked for being up to date: it is there or it is not. Objects are kept by the same rule, one a file, so
 *  that a change to one source compiles that one only. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, freemem } from "node:os";
import { dirname, join, sep } from "node:path";
import { findCompiler } from "./compiler.mjs";
import { SetupError } from "./errors.mjs";
import { usesCxx11Abi } from "./libtorch.mjs";
import { loadingProblem } from "./loading.mjs";
import { cacheFolder, packageRoot, platformName, sharedLibrary } from "./paths.mjs";
import { since } from "./progress.mjs";
import { run } from "./run.mjs";
import { hashFiles, nativeFiles } from "./sources.mjs";

export const NAPI_VERSION = 8; // Node 12.22 and newer
const KEPT_BUILDS = 8; // of one torch version: other checkouts use them
const KEPT_OBJECTS_DAYS = 14;
const MEMORY_PER_COMPILER = 1.2e9; // bytes; a file that includes libtorch's headers takes about 1 GB
const SHOWN_LINES = 20;
/** Where a relocatable library looks for libtorch. */
export const BESIDE = process.platform === "darwin" ? "@loader_path/libtorch" : "$ORIGIN/libtorch";

/**
 * The path of the addon for this libtorch, built if it is not there.
 * @param {import("./libtorch.mjs").Libtorch} torch
 * @param {import("./progress.mjs").Ui} ui
 * @param {string} [root] the package; another one only in tests
 * @param {{ relocatable?: boolean }} [options] relocatable: libtorch is found by the link `libtorch` beside the addon
 * @returns {Promise<string>}
 */
export async function buildAddon(torch, ui, root = packageRoot, { relocatable = false } = {}) {
  const compiler = await findCompiler();
  const flags = compileFlags(torch, root);
  const links = linkFlags(torch, torch.libDir);
  const headers = nodeApiHeaders();
  // Not by where this checkout lies: another one of the same sources need not compile them again.
  const placeless = flags.map((flag) => flag.replace(root, ".").replace(headers.folder, headers.version));
  const identity = [compiler.version, ...placeless, ...links, torch.version, String(statSync(corePath(torch)).size)];
  const name = `${torch.version}-${platformName}-napi${NAPI_VERSION}`;
  const kind = relocatable ? ["relocatable"] : [];
  const key = digest(...identity, hashFiles(root, nativeFiles(root)), ...kind);
  const addons = cacheFolder("addon");
  const folder = join(addons, `${name}-${key}`);
  const addon = join(folder, "rediff_torch.node");
  if (existsSync(addon)) {
    utimesSync(folder, new Date(), new Date()); // pruning goes by this
    return addon;
  }

  const started = performance.now();
  const log = join(cacheFolder("addon", "logs"), `${name}-${key}.log`);
  writeFileSync(log, "");
  const work = { compiler, flags, identity, root, log, ui };
  const units = await compileAll(work);
  const [host, main] = [units.filter(({ file }) => isHost(file)), units.filter(({ file }) => !isHost(file))];
  // The main one last: where it is, all is.
  for (const [name, parts, libraries] of /** @type {const} */ ([
    ["rediff_host.node", host, hostLinkFlags()],
    ["rediff_torch.node", main, relocatable ? linkFlags(torch, BESIDE) : links],
  ])) {
    if (parts.length === 0) continue;
    const linked = join(cacheFolder("addon", "linking"), `${key}-${process.pid}-${name}`);
    const objects = parts.map(({ object }) => object);
    await link(work, objects, libraries, linked);
    await assertLoads(linked, relocatable ? torch.libDir : undefined);
    mkdirSync(folder, { recursive: true });
    renameSync(linked, join(folder, name));
  }
  ui.say(`  built ${addon} in ${since(started)}`);
  prune(addons, name, folder);
  return addon;
}

/**
 * @typedef {object} Work
 * @property {import("./compiler.mjs").Compiler} compiler
 * @property {string[]} flags
 * @property {string[]} identity everything but the sources that an object depends on
 * @property {string} root
 * @property {string} log
 * @property {import("./progress.mjs").Ui} ui
 */

/**
 * @param {import("./libtorch.mjs").Libtorch} torch
 * @param {string} root
 */
export function compileFlags(torch, root) {
  const system = [nodeApiHeaders().folder, torch.includeDir, join(torch.includeDir, "torch", "csrc", "api", "include")];
  return [
    "-std=c++20",
    "-O2",
    "-fPIC",
    "-fvisibility=hidden",
    "-pthread",
    "-Wall",
    `-DNAPI_VERSION=${NAPI_VERSION}`,
    ...(process.platform === "linux" ? [`-D_GLIBCXX_USE_CXX11_ABI=${usesCxx11Abi(torch) ? 1 : 0}`] : []),
    `-I${join(root, "native")}`,
    ...system.flatMap((folder) => ["-isystem", folder]),
  ];
}

/**
 * @param {import("./libtorch.mjs").Libtorch} torch
 * @param {string} runPath where the addon looks for libtorch
 */
function linkFlags({ libDir }, runPath) {
  return [...hostLinkFlags(), `-L${libDir}`, "-ltorch_cpu", "-lc10", `-Wl,-rpath,${runPath}`];
}

function hostLinkFlags() {
  const platform = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : ["-Wl,--as-needed"];
  return ["-shared", "-pthread", ...platform];
}

/** Node's C headers, which do not come with every Node. */
function nodeApiHeaders() {
  try {
    const require = createRequire(import.meta.url);
    const { version } = /** @type {{ version: string }} */ (require("node-api-headers/package.json"));
    return { folder: join(dirname(require.resolve("node-api-headers/package.json")), "include"), version };
  } catch {
    throw new SetupError("the npm package node-api-headers is not installed", "Run npm ci first.");
  }
}

/**
 * Compiles each unit whose object is not there yet; several at once, as cores and memory allow.
 * @param {Work} work
 * @returns {Promise<{ file: string, object: string }[]>}
 */
async function compileAll(work) {
  const files = nativeFiles(work.root);
  const units = files.filter(isUnit);
  const ownFolder = (/** @type {string} */ unit) => files.filter((file) => file.startsWith(unit.replace(/\.cc$/, sep)));
  const owned = new Set(units.flatMap(ownFolder));
  const shared = hashFiles(
    work.root,
    files.filter((file) => !isUnit(file) && !owned.has(file) && !isApart(file)),
  );
  const cache = cacheFolder("addon", "objects");
  const jobs = units.map((file) => {
    const object = join(
      cache,
      `${digest(...work.identity, shared, hashFiles(work.root, [file, ...ownFolder(file)]))}.o`,
    );
    return { file, object };
  });
  if (!jobs.some(({ file }) => !isHost(file))) {
    throw new SetupError(
      `there are no sources in ${join(work.root, "native")}`,
      "The package is incomplete: install it again.",
    );
  }
  const due = jobs.filter(({ object }) => !existsSync(object));
  const parallel = Math.max(
    1,
    Math.min(availableParallelism(), Math.floor(freemem() / MEMORY_PER_COMPILER), due.length),
  );
  work.ui.say(
    `building the addon with ${work.compiler.version}: ${due.length} of ${jobs.length} files to compile, ${parallel} at a time (a minute or two)`,
  );
  const queue = [...due];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      try {
        await compile(work, job.file, job.object);
      } catch (error) {
        queue.length = 0; // the others need not be started
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: parallel }, worker));
  for (const result of results) if (result.status === "rejected") throw result.reason;
  for (const { object } of jobs) utimesSync(object, new Date(), new Date());
  return jobs;
}

/** Files of native/ itself and of native/host are compiled; other folders hold headers, or parts that are built apart
 *  (CUDA's). A folder that is named as one of the files is that one's alone, and on its include path: changing it compiles
 *  nothing else.
 *  @param {string} file */
function isUnit(file) {
  return /^native[\\/](?:host[\\/])?[^\\/]+\.cc$/.test(file);
}

/** @param {string} file */
function isApart(file) {
  return /^native[\\/]cuda[\\/]/.test(file);
}

/** @param {string} file */
function isHost(file) {
  return /^native[\\/]host[\\/]/.test(file);
}

/**
 * @param {Work} work
 * @param {string} file
 * @param {string} object
 */
async function compile(work, file, object) {
  const started = performance.now();
  const temporary = `${object}.${process.pid}.tmp`;
  const ownFolder = join(work.root, file.replace(/\.cc$/, ""));
  const includes = existsSync(ownFolder) ? [`-I${ownFolder}`] : [];
  await tool(work, [...work.flags, ...includes, "-c", join(work.root, file), "-o", temporary], `compiling ${file}`);
  renameSync(temporary, object);
  work.ui.detail(`  ${file} in ${since(started)}`);
}

/**
 * @param {Work} work
 * @param {string[]} objects
 * @param {string[]} links
 * @param {string} output
 */
async function link(work, objects, links, output) {
  await tool(work, [...objects, ...links, "-o", output], "linking the addon");
}

/**
 * Runs the compiler, with the output in the log; its last lines are in the error.
 * @param {Work} work
 * @param {string[]} args
 * @param {string} what
 */
async function tool({ compiler, log }, args, what) {
  const command = [compiler.command, ...compiler.args, ...args];
  const { status, stdout, stderr } = await run(compiler.command, [...compiler.args, ...args]);
  const output = `${stdout}${stderr}`;
  writeFileSync(log, `$ ${command.join(" ")}\n${output}\n`, { flag: "a" });
  if (status === 0) return;
  const full = /No space left on device/.test(output);
  const killed = /ended by SIGKILL|Killed signal/.test(output);
  const hint = full
    ? "Make room, or set REDIFF_CACHE to a folder on another disk."
    : killed
      ? "The system ran out of memory: free some (about 1.2 GB is needed) and try again."
      : `The whole output is in ${log}.`;
  throw new SetupError(`${what} failed with status ${status}:\n${lastErrors(output)}\n`, hint);
}

/** The lines from the first error on, at most 20.
 *  @param {string} output */
export function lastErrors(output) {
  const lines = output.trimEnd().split("\n");
  const first = lines.findIndex((line) => /\berror\b|undefined reference/.test(line));
  return first < 0 ? lines.slice(-SHOWN_LINES).join("\n") : lines.slice(first, first + SHOWN_LINES).join("\n");
}

/**
 * @param {string} addon
 * @param {string | undefined} libDir where it would not find libtorch by itself
 */
async function assertLoads(addon, libDir) {
  const reason = await loadingProblem(addon, { libDir });
  if (reason === undefined) return;
  rmSync(addon, { force: true });
  throw new SetupError(
    `the addon was built but cannot be loaded (${reason})`,
    "libtorch or the compiler does not fit this system: see rediff doctor, or set LIBTORCH to another libtorch.",
  );
}

/**
 * Removes all but the newest builds of this torch version, and objects that no build has used for long.
 * @param {string} addons
 * @param {string} name
 * @param {string} current
 */
export function prune(addons, name, current) {
  const builds = readdirSync(addons)
    .filter((entry) => entry.startsWith(`${name}-`))
    .map((entry) => join(addons, entry))
    .filter((folder) => folder !== current)
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const folder of builds.slice(KEPT_BUILDS - 1)) rmSync(folder, { recursive: true, force: true });

  const oldest = Date.now() - KEPT_OBJECTS_DAYS * 24 * 3600 * 1000;
  for (const kind of ["objects", "linking", "logs"]) {
    const folder = join(addons, kind);
    if (!existsSync(folder)) continue;
    for (const entry of readdirSync(folder)) {
      const file = join(folder, entry);
      if (statSync(file).mtimeMs < oldest) rmSync(file, { force: true });
    }
  }
}

/** @param {import("./libtorch.mjs").Libtorch} torch */
function corePath({ libDir }) {
  return join(libDir, sharedLibrary("torch_cpu"));
}

/** @param {...string} parts */
function digest(...parts) {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}
