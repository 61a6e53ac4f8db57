/** An error that survives the way between threads and processes; structured clone would lose the class and the hint. */
import { type ErrorCode, OptionError, type OptionProblem, UserError, type Wording } from "../errors.js";

export interface PortableError {
  readonly user: boolean;
  readonly message: string | Wording;
  readonly hint: string | Wording | undefined;
  readonly stack: string | undefined;
  /** Of a UserError. */
  readonly code?: ErrorCode;
  /** Of an OptionError. */
  readonly about?: { readonly option: string; readonly problem: OptionProblem | undefined };
}

export function packError(cause: unknown): PortableError {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const { message, stack } = error;
  if (!(error instanceof UserError)) return { user: false, message, hint: undefined, stack };
  const about = error instanceof OptionError && { about: { option: error.option, problem: error.problem } };
  return { user: true, ...error.words, stack, code: error.code, ...(about || {}) };
}

export function unpackError(packed: PortableError): Error {
  const error = unpacked(packed);
  if (packed.stack !== undefined) error.stack = packed.stack;
  return error;
}

function unpacked({ user, message, hint, code, about }: PortableError): Error {
  if (about !== undefined) return new OptionError(about.option, message, hint, { problem: about.problem });
  return user ? new UserError(message, hint, { code }) : new Error(String(message));
}
