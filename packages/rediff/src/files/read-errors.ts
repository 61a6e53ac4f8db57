/** One line for what can be wrong with a file before its content matters. */

import { UserError } from "../errors.js";

export function fileError(path: string, cause: unknown): UserError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new UserError(`${path}: no such file or folder`, "Check the path", { cause, code: "file_not_found" });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new UserError(`${path}: reading it is not permitted`, "Check the file's permissions", {
      cause,
      code: "file_not_readable",
    });
  }
  if (code === "EISDIR") return new UserError(`${path}: is a folder; expected a file`, "Name a file in it", { cause });
  if (code === "ENAMETOOLONG") return new UserError(`${shortened(path)}: the name is too long`, undefined, { cause });
  if (code === "ELOOP") return new UserError(`${path}: is a link that leads to itself`, "Check the path", { cause });
  if (path.includes("\0")) return new UserError(`${path}: no file's name has a NUL in it`, "Check the path", { cause });
  const why = cause instanceof Error ? cause.message : String(cause);
  return new UserError(`${path}: cannot be read (${why})`, undefined, { cause });
}

export function emptyFile(path: string, expected: string): UserError {
  return new UserError(`${path}: the file is empty; expected ${expected}`, "Copy or download it again");
}

/** A path in a message: of a very long one its beginning and its end. */
export const shortened = (path: string): string =>
  path.length > 240 ? `${path.slice(0, 120)}...${path.slice(-60)}` : path;

/** Whether reading failed because there is no such file. */
export function isAbsent(error: unknown): boolean {
  const cause = error instanceof UserError ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}
