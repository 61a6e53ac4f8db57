/** What an error looks like on stderr: one line for what a user can mend, the stack for what is our fault. */
import { asFlag, UserError } from "../../errors.js";
import { systemErrorText } from "../../files/write-errors.js";
import { printable } from "../../printable.js";

/** A signal that asked the command to stop. */
export class Interrupted extends Error {
  override readonly name = "AbortError";
  readonly line = "interrupted";
  constructor(readonly signal: NodeJS.Signals) {
    super("interrupted");
  }
}

/** Without control characters: messages repeat what stands in files and replies of others, and a terminal would obey. */
export function errorText(error: unknown, verbose = false): string {
  if (!(error instanceof Error)) return printable(String(error));
  const stack = printable(error.stack ?? error.message);
  if (!isExpected(error)) return stack;
  return verbose ? `${lineOf(error)}\n${stack}` : lineOf(error);
}

/** Mistakes of the user (UserError, SetupError), and what libtorch, weight files and the system have to say: those are
 *  plain Errors that name the operator or the file. Anything else is a bug. */
function isExpected(error: Error): boolean {
  return "line" in error || error.name === "SafetensorsError" || error.constructor === Error;
}

function lineOf(error: Error): string {
  if (error instanceof UserError) return oneLine(error.spelled(asFlag));
  const line = "line" in error ? String(error.line) : (systemErrorText(error) ?? error.message);
  return oneLine(line);
}

const oneLine = (text: string): string => printable(text.trim().replace(/\s*[\r\n]\s*/g, " "));
