/** `rediff doctor`: what the machine has of what is needed, and what to do about the rest. */

import { ensureTorch, SetupError } from "@rediff/torch/setup";
import { type Check, diagnose, formatChecks } from "@rediff/torch/setup/doctor";
import { Command } from "commander";
import { UserError } from "../../errors.js";
import { begin, exitStatus } from "../exit-status.js";
import { answerLine } from "../terminal/lines.js";

interface Flags {
  json?: true;
  fix?: true;
}

const HELP = `
Marks: ok, FAIL (needed and missing), - (missing, but only some things need it). The exit status is 1 after a FAIL.

Environment: LIBTORCH (a libtorch of your own), REDIFF_CACHE (where libtorch and the addon are kept), REDIFF_CUDA (1 or 0:
libtorch with or without CUDA), CXX (the C++ compiler).
`;

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("check what this machine has of what is needed")
    .option("--json", "print one JSON line per check")
    .option("--fix", "fetch libtorch and build the addon if they are missing, then check")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  begin();
  if (flags.fix) await fix();
  const checks = [...(await diagnose()), await trainingCheck()];
  answerLine(flags.json ? checks.map((check) => JSON.stringify(check)).join("\n") : formatChecks(checks));
  if (checks.some(isFatal)) process.exitCode = exitStatus.failed;
}

/** What a recipe without a dtype gets on the CPU. */
async function trainingCheck(): Promise<Check> {
  const { defaultDtype } = await import("../../training/run/default-dtype.js");
  const { dtype, because } = defaultDtype("cpu");
  return { name: "training", ok: true, found: `${dtype} on the CPU: ${because}`, required: false };
}

async function fix(): Promise<void> {
  try {
    await ensureTorch();
  } catch (error) {
    if (error instanceof SetupError) throw new UserError(error.message, error.hint);
    throw error;
  }
}

function isFatal(check: Check): boolean {
  return check.required && !check.ok;
}
