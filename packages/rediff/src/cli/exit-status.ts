/** What the status of every command says, for scripts that have to tell a mistake in the command from work that failed. */
import { constants } from "node:os";
import { CommanderError } from "commander";
import { OptionError, UserError } from "../errors.js";
import { Interrupted } from "./terminal/error-text.js";

export const exitStatus = {
  done: 0,
  /** Nothing of what was asked for. */
  failed: 1,
  /** The command as it was typed cannot be carried out, and nothing was begun. */
  usage: 2,
  /** Some of the inputs failed, the others are done. */
  partly: 3,
} as const;

/** For `rediff --help`. */
export const EXIT_STATUS_HELP = `
Exit status: 0 all done; 1 failed, or a check found faults; 2 wrong usage: nothing was begun (an unknown option, a value that cannot be, an input or
model that is not there); 3 some of the inputs failed, the others are done; 130 interrupted (Ctrl-C), 143 told to end.
What went wrong is one line on stderr, and with several inputs one for each.`;

/** Of a command with several inputs, each of which may fail for itself. */
export function statusOfInputs(failed: number, total: number): number {
  if (failed === 0) return exitStatus.done;
  return failed < total ? exitStatus.partly : exitStatus.failed;
}

/** As a shell has it. */
export const statusOfSignal = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

/** Some inputs failed: for commands that tell of it at their end. */
export class PartlyFailed extends UserError {}

let isBegun = false;

/** What was asked has been judged, and the work begins: what is refused before this is wrong usage, afterwards a failure.
 *  Every command says so once, before it makes, fetches or loads anything. */
export function begin(): void {
  isBegun = true;
}

/** For the next command of this process. */
export function beginNothing(): void {
  isBegun = false;
}

export function statusOfError(error: unknown): number {
  if (error instanceof CommanderError) {
    const wasAsked = error.exitCode === 0; // --help, --version
    return wasAsked ? exitStatus.done : exitStatus.usage;
  }
  if (error instanceof Interrupted) return statusOfSignal(error.signal);
  if (error instanceof PartlyFailed) return exitStatus.partly;
  if (error instanceof OptionError) return exitStatus.usage;
  return error instanceof UserError && !isBegun ? exitStatus.usage : exitStatus.failed;
}
