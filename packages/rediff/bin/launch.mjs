// @ts-check
/** Starts the command line. Before that, once, what a checkout lacks is made: npm's modules and the compiled TypeScript.
 *  (libtorch is the commands' own affair: those that need it fetch it.) `--version` and `doctor` do without. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** @param {string[]} args */
async function launch(args) {
  const [command] = args;
  if (command === "--version" || command === "-V") return void process.stdout.write(`${version()}\n`);
  assertDescriptors();
  try {
    await prepare();
  } catch (error) {
    if (command !== "doctor" || args.includes("--help") || args.includes("-h")) throw error;
    process.stderr.write(`setup: ${lineOf(error)}\n`);
    return await plainDoctor(args.includes("--json"));
  }
  const { main } = await import(new URL("../dist/cli/main.js", import.meta.url).href);
  await main(process.argv);
}

/** Node opens many modules at once, and says of one that it cannot open that there is none. */
const LEAST_OPEN_FILES = 160;

function assertDescriptors() {
  const limits = process.platform === "linux" ? readFileSync("/proc/self/limits", "utf8") : "";
  const [, soft] = /^Max open files +(\d+)/m.exec(limits) ?? [];
  if (soft === undefined || Number(soft) >= LEAST_OPEN_FILES) return;
  const story = `this process may open ${soft} files, and the program needs ${LEAST_OPEN_FILES}`;
  throw Object.assign(new Error(story), { line: `${story}. Raise the limit: ulimit -n ${LEAST_OPEN_FILES}` });
}

async function prepare() {
  const workspace = new URL("../../../scripts/workspace.mjs", import.meta.url);
  if (!existsSync(fileURLToPath(workspace))) return; // an installed package
  const { setUp } = await import(workspace.href);
  await setUp({ quiet: true, torch: false });
}

/** The checks of `rediff doctor` where the command line itself cannot be compiled or installed.
 *  @param {boolean} json */
async function plainDoctor(json) {
  const { diagnose, formatChecks } = await import("../../torch/setup/doctor.mjs");
  const checks = await diagnose();
  const lines = json ? checks.map((check) => JSON.stringify(check)).join("\n") : formatChecks(checks);
  process.stdout.write(`${lines}\n`);
  process.exitCode = 1; // the set-up failed, whatever the checks say
}

function version() {
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
}

/** @param {unknown} error */
function lineOf(error) {
  if (!(error instanceof Error)) return String(error);
  return "line" in error ? String(error.line) : error.message;
}

// Whoever read our output has seen enough (`| head -1`): end quietly.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error) => {
    if ("code" in error && error.code === "EPIPE") process.exit();
    throw error;
  });

try {
  await launch(process.argv.slice(2));
} catch (error) {
  const known = error instanceof Error && "line" in error; // SetupError, UserError
  const verbose = process.argv.includes("--verbose");
  process.stderr.write(`rediff: ${known && !verbose ? lineOf(error) : error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
