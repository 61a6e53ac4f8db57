/** Which pictures a command is about: files, folders, patterns, or a list on stdin. */
import { stat } from "node:fs/promises";
import { extname, isAbsolute, join } from "node:path";
import { glob } from "tinyglobby";
import { UserError } from "../../errors.js";
import { storedPath } from "../../files/stored-path.js";
import { utf8Lines } from "../../files/utf8-text.js";

const PICTURES = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"];

/** The paths behind the arguments, in order, each once; folders give their pictures (not those of inner folders),
 *  sorted by name. "-" reads paths from stdin, one a line.
 *  @throws UserError when a path does not exist or a pattern or folder has no picture */
export async function expandInputs(
  args: readonly string[],
  stdin: NodeJS.ReadableStream = process.stdin,
): Promise<string[]> {
  const found = new Set<string>();
  for (const arg of args) {
    const paths = arg === "-" ? await readLines(stdin) : await expand(arg);
    for (const path of paths) found.add(path);
  }
  if (found.size === 0)
    throw new UserError("no picture was given", "Name files, folders, patterns, or - for a list on stdin.");
  return [...found];
}

async function expand(arg: string): Promise<string[]> {
  const info = await stat(arg).catch(() => undefined);
  if (info?.isDirectory()) {
    const names = await glob("*", { cwd: arg, onlyFiles: true, caseSensitiveMatch: false, expandDirectories: false });
    const pictures = names.filter((name) => PICTURES.includes(extname(name).toLowerCase())).sort();
    if (pictures.length === 0)
      throw new UserError(`folder ${arg} has no pictures`, `Known extensions: ${PICTURES.join(" ")}.`);
    return pictures.map((name) => join(arg, name));
  }
  if (info !== undefined) return [arg];
  if (/[*?[\]{}]/.test(arg)) {
    const matches = await glob(arg, { onlyFiles: true, absolute: isAbsolute(arg), expandDirectories: false });
    if (matches.length === 0) throw new UserError(`no file matches ${arg}`);
    return matches.sort();
  }
  const stored = storedPath(arg);
  if (stored !== undefined) return expand(stored);
  throw new UserError(`there is no file ${arg}`);
}

async function readLines(stream: NodeJS.ReadableStream): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of utf8Lines(stream, "standard input")) if (line.trim() !== "") lines.push(line);
  return lines;
}
