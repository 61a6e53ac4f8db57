/** `rediff doctor`: what the machine has of what is needed, and what to do about the rest. */

import { ensureTorch, locateTorch, SetupError } from "@rediff/torch/setup";
import { type Check, diagnose, formatChecks } from "@rediff/torch/setup/doctor";
import { Command } from "commander";
import { UserError } from "../../errors.js";
import { begin, exitStatus } from "../exit-status.js";
import { answerLine } from "../terminal/lines.js";

interface Flags {
  json?: true;
  fix?: true;
  measure?: true;
}

const HELP = `
Marks: ok, FAIL (needed and missing), - (missing, but only some things need it). The exit status is 1 after a FAIL.

Kernels: which of several is the fastest on this processor is measured once, in about a second, and kept in the cache folder;
--measure does it again, for a machine that was busy. REDIFF_KERNELS forces them, a list with commas: aten or onednn,
bfloat16-native, bfloat16-float32 or bfloat16-tiles, attention-fused or attention-products, attention-each, head-whole, unfused, or plain (docs/kernels.md).

Environment: LIBTORCH (a libtorch of your own), REDIFF_CACHE (where libtorch and the addon are kept), REDIFF_CUDA (1 or 0:
libtorch with or without CUDA), REDIFF_KERNELS (see above), CXX (the C++ compiler).
`;

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("check what this machine has of what is needed")
    .option("--json", "print one JSON line per check")
    .option("--fix", "fetch libtorch and build the addon if they are missing, then check")
    .option("--measure", "measure anew which kernels are the fastest here")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  begin();
  if (flags.fix) await fix();
  const checks = [...(await diagnose()), ...(await measuredChecks(flags.measure === true))];
  answerLine(flags.json ? checks.map((check) => JSON.stringify(check)).join("\n") : formatChecks(checks));
  if (checks.some(isFatal)) process.exitCode = exitStatus.failed;
}

/** Which kernels are used, and what a recipe without a dtype gets on the CPU. */
async function measuredChecks(anew: boolean): Promise<Check[]> {
  const row = (name: string, found: string): Check => ({ name, ok: true, found, required: false });
  if (locateTorch() === undefined) return [row("kernels", "measured once libtorch is there")];
  const [{ kernelTimes }, { deviceLines, kernelLines }, { defaultDtype }] = await Promise.all([
    import("../../models/measured/kernel-choice.js"),
    import("../../models/measured/kernel-report.js"),
    import("../../training/run/default-dtype.js"),
  ]);
  const times = kernelTimes({ anew });
  const { dtype, because } = defaultDtype("cpu");
  return [
    ...[...kernelLines(times), ...deviceLines()].map(([name, found]) => row(name, found)),
    row("training", `${dtype} on the CPU: ${because}`),
  ];
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
