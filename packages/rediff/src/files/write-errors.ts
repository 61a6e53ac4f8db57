/** Failures to write files, as one line that a person can act on. */
import { UserError } from "../errors.js";

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is larger than the system allows",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is no folder",
  EEXIST: "a part of the path is no folder",
  EIO: "the disk reports an error",
};

/** The system's reason in words; undefined for errors that are no business of the disk. */
function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === "SafetensorsError") return /cannot be written: (.*)$/s.exec(error.message)?.[1];
  return REASONS[(error as NodeJS.ErrnoException).code ?? ""];
}

/** The error in words, where it is the disk's; others come back as they are. */
export function asUserError(target: string, error: unknown, hint = "Make room, or name another output."): unknown {
  const reason = reasonOf(error);
  return reason === undefined ? error : new UserError(`${target} cannot be written: ${reason}`, hint, { cause: error });
}

/** Runs a step that writes `target` whole or not at all; its failure becomes one line about it. */
export async function saying<T>(target: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw asUserError(
      target,
      error,
      "Nothing of it was left behind, and what was saved before is untouched. Make room, then resume.",
    );
  }
}
