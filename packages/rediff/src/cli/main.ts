/** The command line: one file per command, this one puts them together and is the border for errors. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { UserError } from "../errors.js";
import { captionCommand } from "./caption.js";
import { convertCommand } from "./convert.js";
import { doctorCommand } from "./doctor.js";
import { inspectCommand } from "./inspect.js";
import { pullCommand } from "./pull.js";
import { refineCommand } from "./refine.js";

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

export function program(): Command {
  const root = new Command("rediff")
    .description("Describe pictures and videos with vision-language diffusion models, and repair descriptions.")
    .version(version(), "-V, --version")
    .option("--verbose", "show the stack of an error")
    .showHelpAfterError("(add --help for what is possible)")
    .addCommand(captionCommand())
    .addCommand(refineCommand())
    .addCommand(inspectCommand())
    .addCommand(convertCommand())
    .addCommand(pullCommand())
    .addCommand(doctorCommand());
  for (const command of root.commands) {
    command.option("--verbose", "show the stack of an error");
    command.exitOverride().configureOutput({ outputError: () => undefined });
  }
  return root.exitOverride().configureOutput({ outputError: () => undefined });
}

/** Runs a command; sets the exit status: 0, 1 for an error, 130 when interrupted. One line on stderr for what a user
 *  can mend; a stack for what is our fault. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    report(error, argv.includes("--verbose"));
  }
}

function report(error: unknown, verbose: boolean): void {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return; // --help, --version
    process.stderr.write(`rediff: ${error.message.replace(/^error: /, "")} (add --help for what is possible)\n`);
    process.exitCode = 1;
    return;
  }
  process.exitCode = 1;
  if (isAbort(error)) {
    process.stderr.write("rediff: interrupted\n");
    process.exitCode = 130;
  } else if (verbose || !isExpected(error)) {
    process.stderr.write(`rediff: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  } else {
    process.stderr.write(`rediff: ${lineOf(error)}\n`);
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

/** Mistakes of the user and what libtorch and the weight files have to say; anything else is a bug. */
function isExpected(error: unknown): error is Error {
  return (
    error instanceof UserError ||
    (error instanceof Error && error.constructor !== TypeError && "line" in error) ||
    isPlain(error)
  );
}

/** Errors of @rediff/torch: they name the operator or the file already. */
const isPlain = (error: unknown): error is Error =>
  error instanceof Error && (error.name === "SafetensorsError" || error.constructor === Error);

function lineOf(error: Error): string {
  const line = error instanceof UserError ? error.line : error.message;
  return line.replace(/\s*\n\s*/g, " ");
}
