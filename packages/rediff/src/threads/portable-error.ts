/** An error that survives the way between threads and processes; structured clone would lose the class and the hint. */
import { UserError } from "../errors.js";

export interface PortableError {
  readonly user: boolean;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

export function packError(cause: unknown): PortableError {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const hint = error instanceof UserError ? error.hint : undefined;
  return { user: error instanceof UserError, message: error.message, hint, stack: error.stack };
}

export function unpackError(packed: PortableError): Error {
  const error = packed.user ? new UserError(packed.message, packed.hint) : new Error(packed.message);
  if (packed.stack !== undefined) error.stack = packed.stack;
  return error;
}
