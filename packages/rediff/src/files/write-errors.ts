/** Failures to write files, as one line that a person can act on. */
import { UserError } from "../errors.js";
import { shortened } from "./read-errors.js";

const ROOM = "Make room, then run it again; what was there before is unchanged.";
const OTHER = "Name another place.";

/** What the system's codes mean, and what to do. */
const REASONS: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  ENOSPC: ["no space left on the disk", ROOM],
  EDQUOT: ["the disk quota is used up", ROOM],
  EFBIG: ["the file is larger than the system allows", "Raise the limit (ulimit -f), or name a place without one."],
  EACCES: ["permission denied", OTHER],
  EPERM: ["permission denied", OTHER],
  EROFS: ["the file system is read-only", OTHER],
  ENOENT: ["a folder of the path is not there", OTHER],
  ENOTDIR: ["a part of the path is no folder", OTHER],
  EEXIST: ["a part of the path is no folder", OTHER],
  EISDIR: ["it is a folder", "Name a file."],
  ENAMETOOLONG: ["the name is too long", "Name a shorter one."],
  ELOOP: ["a link in the path leads to itself", OTHER],
  ENXIO: ["nobody reads at its other end", OTHER],
  ETXTBSY: ["it is in use", OTHER],
  EBUSY: ["it is in use", OTHER],
  EMFILE: ["too many files are open", "Raise the limit (ulimit -n)."],
  ENFILE: ["too many files are open on this machine", "Close some programs."],
  EIO: ["the disk reports an error", "Look at the system's log before you trust this disk again."],
  ESTALE: ["the network disk does not know it any more", "Mount it again."],
};

/** The system's reason in words; undefined for errors that are no business of the disk. */
function reasonOf(error: unknown): readonly [why: string, hint: string | undefined] | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === "SafetensorsError") {
    const why = /cannot be written: (.*)$/s.exec(error.message)?.[1];
    const known = REASONS[/\b(E[A-Z0-9]+)\b/.exec(why ?? "")?.[1] ?? codeOf(error.cause)];
    return known ?? (why === undefined ? undefined : [why, undefined]);
  }
  const known = REASONS[codeOf(error)];
  if (known !== undefined) return known;
  if (!("syscall" in error) || codeOf(error) === "") return undefined;
  return [/^E\w+: (.*?), /.exec(error.message)?.[1] ?? error.message, undefined];
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

export interface WriteFailure {
  /** In place of what the reason suggests. */
  hint?: string;
  /** What could not be done to it; default "written". */
  done?: string;
}

/** The error in words, where it is the disk's; others come back as they are.
 *  @param target what was to be written: a path, or "the model in DIR" */
export function writeError(target: string, cause: unknown, { hint, done = "written" }: WriteFailure = {}): unknown {
  const reason = reasonOf(cause);
  if (reason === undefined) return cause;
  return new UserError(`${shortened(target)} cannot be ${done}: ${reason[0]}`, hint ?? reason[1], { cause });
}

/** Where it is clear without the path that something was being written. */
const WRITING = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EROFS"]);

/** As `writeError`, of a step that reads, too: only what is clear to be about the place that is written to. */
export function roomError(target: string, cause: unknown): unknown {
  const codes = [codeOf(cause), codeOf(cause instanceof Error ? cause.cause : undefined)];
  return codes.some((code) => WRITING.has(code)) ? writeError(target, cause) : cause;
}

/** What the system says about a file, in words, where nobody on the way has made a sentence of it; undefined for other
 *  errors. */
export function systemErrorText(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("syscall" in error)) return undefined;
  const [why, hint] = reasonOf(error) ?? [];
  const isWriting = WRITING.has(codeOf(error));
  if (why === undefined || !("path" in error || isWriting)) return undefined;
  const what = "path" in error ? shortened(String(error.path)) : "a file cannot be written";
  return `${what}: ${why} (${codeOf(error)}, ${error.syscall})${isWriting ? `. ${hint}` : ""}`;
}

/** Runs a step that writes `target` whole or not at all; its failure becomes one line about it. */
export async function saying<T>(target: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw writeError(target, error, {
      hint: "What was saved before is untouched. Mend that (make room, or name another output), then resume.",
    });
  }
}
