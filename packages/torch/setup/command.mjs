#!/usr/bin/env node
// @ts-check
/** The command `rediff-torch-setup`: libtorch and the addon without an application. */
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "./errors.mjs";
import { ensureTorch, locateTorch, SetupError } from "./index.mjs";
import { removeStamp } from "./stamp.mjs";

const OPTIONS = ["--quiet", "--verbose", "--check", "--force", "--json", "--help", "-h"];

const USAGE = `Usage: rediff-torch-setup [--quiet | --verbose] [--check | --force] [--json]

Finds or fetches libtorch and builds the addon for it.

  --quiet    say nothing unless there is something to do
  --verbose  say more
  --check    do nothing; exit with 1 if something is missing
  --force    build the addon anew
  --json     print what was found as JSON on stdout

Environment: LIBTORCH (a libtorch of your own), REDIFF_CACHE (where things are kept), REDIFF_TORCH_VERSION (the torch
wheel to fetch), REDIFF_CUDA (1 or 0: with or without CUDA; else by whether there is a GPU), REDIFF_PREBUILT (a folder with
the addon, built elsewhere), CXX (the compiler), and pip's own for the package index (PIP_INDEX_URL and others).

Exit status: 0 it is there, 1 it cannot be had, 2 wrong usage.
`;

/** @param {string[]} args */
async function main(args) {
  const has = (/** @type {string} */ option) => args.includes(option);
  const unknown = args.find((arg) => !OPTIONS.includes(arg));
  if (unknown !== undefined) throw new UsageError(`unknown option ${unknown}`, "See --help.");
  if (has("--check") && has("--force")) throw new UsageError("--check and --force exclude each other", "Give one.");
  if (has("--help") || has("-h")) return void process.stdout.write(USAGE);
  if (has("--force")) forget();
  const quiet = has("--quiet") || has("--json");
  const torch = has("--check") ? locateTorch() : await ensureTorch({ quiet, verbose: has("--verbose") });
  if (torch === undefined) throw new SetupError("libtorch and the addon are not set up", "Run rediff-torch-setup.");
  if (has("--json")) process.stdout.write(`${JSON.stringify(torch)}\n`);
}

/** Removes the addon of the last set-up, so that the next one builds it. */
function forget() {
  const torch = locateTorch();
  if (torch !== undefined) rmSync(dirname(torch.addon), { recursive: true, force: true });
  removeStamp();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const text =
    error instanceof SetupError ? `setup: ${error.line}` : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
