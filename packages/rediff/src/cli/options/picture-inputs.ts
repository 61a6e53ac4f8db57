/** Which pictures a command is about: files, folders, patterns, or a list on stdin. */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { UserError } from "../../errors.js";
import { storedPath } from "../../files/stored-path.js";
import { utf8Lines } from "../../files/utf8-text.js";
import {
  describeLeftOut,
  isKeptBySystems,
  type LeftOutFile,
  picturesIn,
  whatElse,
} from "../../vision/picture/folder-pictures.js";
import { isVideoName } from "../../vision/video/video-names.js";
import { noteLine } from "../terminal/lines.js";
import { globAll } from "./glob-all.js";

export interface InputOptions {
  stdin?: NodeJS.ReadableStream;
  /** Told, in a line, which files of a folder or pattern are left out. Default: stderr is. */
  note?: (line: string) => void;
}

/** The paths behind the arguments, in order, each once; folders give their pictures (not those of inner folders),
 *  whatever they are called, sorted by name; patterns give pictures and videos. "-" reads paths from stdin, one a line.
 *  @throws UserError when a path does not exist or a pattern or folder has no picture */
export async function expandInputs(
  args: readonly string[],
  { stdin = process.stdin, note = (line) => noteLine(line) }: InputOptions = {},
): Promise<string[]> {
  const found = new Set<string>();
  for (const arg of args) {
    const paths = arg === "-" ? await readLines(stdin) : await expand(arg, note);
    for (const path of paths) found.add(path);
  }
  if (found.size === 0)
    throw new UserError("no picture was given", "Name files, folders, patterns, or - for a list on stdin.");
  return [...found];
}

async function expand(arg: string, note: (line: string) => void): Promise<string[]> {
  const info = await stat(arg).catch(() => undefined);
  if (info?.isDirectory()) {
    const { pictures, leftOut } = await picturesIn(arg);
    const why = leftOut.length > 0 ? describeLeftOut(leftOut) : undefined;
    if (pictures.length === 0)
      throw new UserError(
        `folder ${arg} has no pictures`,
        why ?? "Those of inner folders are taken by a quoted pattern, such as 'DIR/**/*'.",
      );
    if (why !== undefined) note(`${arg}: ${why}`);
    return pictures.map((name) => join(arg, name));
  }
  if (info !== undefined) return [arg];
  if (/[*?[\]{}]/.test(arg)) {
    const matches = (await globAll(arg)).filter((path) => !isKeptBySystems(basename(path)));
    if (matches.length === 0) throw new UserError(`no file matches ${arg}`);
    return picturesAndVideos(arg, matches.sort(), note);
  }
  const stored = storedPath(arg);
  if (stored !== undefined) return expand(stored, note);
  throw new UserError(`there is no file ${arg === "" ? '""' : arg}`);
}

async function picturesAndVideos(pattern: string, paths: readonly string[], note: (line: string) => void) {
  const taken: string[] = [];
  const leftOut: LeftOutFile[] = [];
  for (const path of paths) {
    const what = isVideoName(path) ? undefined : await whatElse(path);
    if (what === undefined) taken.push(path);
    else leftOut.push({ name: path, what });
  }
  const why = leftOut.length > 0 ? describeLeftOut(leftOut) : undefined;
  if (taken.length === 0) throw new UserError(`no picture matches ${pattern}`, why);
  if (why !== undefined) note(`${pattern}: ${why}`);
  return taken;
}

async function readLines(stream: NodeJS.ReadableStream): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of utf8Lines(stream, "standard input")) if (line.trim() !== "") lines.push(line);
  return lines;
}
