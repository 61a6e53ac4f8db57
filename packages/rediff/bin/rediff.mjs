#!/usr/bin/env node
// @ts-check
/** Starts the command line. Before that, once, what is missing is made: in a checkout npm's modules, the compiled
 *  TypeScript and libtorch; in an installed package libtorch only. `--help`, `--version` and `doctor` do without libtorch,
 *  and the last two even without anything compiled. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const WITHOUT_TORCH = ["doctor", "help", "pull"];

/** @param {string[]} args */
async function launch(args) {
  const [command] = args;
  if (command === "--version" || command === "-V") return void process.stdout.write(`${version()}\n`);
  const asksForHelp = args.length === 0 || args.includes("--help") || args.includes("-h");
  try {
    await prepare(!asksForHelp && !WITHOUT_TORCH.includes(command ?? ""));
  } catch (error) {
    if (command !== "doctor" || asksForHelp) throw error;
    process.stderr.write(`setup: ${lineOf(error)}\n`);
    return await plainDoctor(args.includes("--json"));
  }
  const { main } = await import(new URL("../dist/cli/main.js", import.meta.url).href);
  await main(process.argv);
}

/** @param {boolean} torch whether libtorch and its addon are needed */
async function prepare(torch) {
  const workspace = new URL("../../../scripts/workspace.mjs", import.meta.url);
  if (existsSync(fileURLToPath(workspace))) {
    const { setUp } = await import(workspace.href);
    await setUp({ quiet: true, torch });
  } else if (torch) {
    const { ensureTorch } = await import("@rediff/torch/setup");
    await ensureTorch({ quiet: true });
  }
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

try {
  await launch(process.argv.slice(2));
} catch (error) {
  const known = error instanceof Error && "line" in error; // SetupError, UserError
  const verbose = process.argv.includes("--verbose");
  process.stderr.write(`rediff: ${known && !verbose ? lineOf(error) : error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
