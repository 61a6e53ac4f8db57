/** What a command is going to write is looked at before it begins: hours of work must not end at a name that cannot be
 *  written, and no command writes over what it reads. */
import type { Stats } from "node:fs";
import { access, constants, lstat, mkdir, realpath, rmdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { Command } from "commander";
import { UserError } from "../../errors.js";
import { hiddenPath } from "../../files/hidden-names.js";
import { shortened } from "../../files/read-errors.js";
import { writeError } from "../../files/write-errors.js";

export interface Output {
  /** "--report", or the name of an argument. */
  name: string;
  kind: "file" | "folder";
  path: string;
}

/** Options that name what is written, where their value does: `--output <FILE>`, `--output <DIR>`. */
const WRITTEN = ["output", "output_path", "report", "trace", "unpackTo", "cacheDir"];
const ARGUMENTS: Readonly<Record<string, Output["kind"]>> = { OUTPUT: "folder", OUT: "file" };

/** The outputs that a command was told, by the names that its help has for their values. */
export function outputsOf(command: Command): Output[] {
  const options = command.options.flatMap((option): Output[] => {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (!WRITTEN.includes(option.attributeName()) || typeof value !== "string") return [];
    return [{ name: option.long ?? "", kind: /<D(IR)?>/.test(option.flags) ? "folder" : "file", path: value }];
  });
  const operands = command.registeredArguments.flatMap((argument, i): Output[] => {
    const kind = ARGUMENTS[argument.name()];
    const path: unknown = command.processedArgs[i];
    return kind === undefined || typeof path !== "string" ? [] : [{ name: argument.name(), kind, path }];
  });
  return [...options, ...operands];
}

/** @throws UserError for the first output that cannot be written, or is also an input */
export async function assertOutputs(command: Command): Promise<void> {
  if (command.opts().check === true) return; // data prepare --check only looks
  const outputs = outputsOf(command).filter(({ path }) => path !== "-");
  for (const output of outputs) await assertOutput(output.path, output.kind);
  const operands = command.args.filter((_, i) => ARGUMENTS[command.registeredArguments[i]?.name() ?? ""] === undefined);
  const options = Object.entries(command.opts()).filter(([name]) => !WRITTEN.includes(name));
  const inputs = [...operands, ...options.flatMap(([, value]): unknown => value)].filter(isText);
  for (const { path, kind } of outputs) if (kind === "file") await assertNotRead(path, inputs);
}

const isText = (value: unknown): value is string => typeof value === "string";

/** Whether a file or a folder can be written, and its folders be made: makes one, and takes it away again.
 *  @throws UserError in one line that says why not */
export async function assertOutput(path: string, kind: Output["kind"]): Promise<void> {
  const wanted = kind === "file" ? "Name a file." : "Name a folder.";
  if (path === "") throw new UserError(`the name of a ${kind} to be written is empty`, wanted);
  try {
    const info = await infoOf(path);
    if (info === undefined) return await assertCanBeMade(path);
    if (kind === "file" && info.isDirectory()) throw new UserError(`${path} is a folder`, wanted);
    if (kind === "folder" && !info.isDirectory()) throw new UserError(`${path} is no folder`, wanted);
    await access(path, constants.W_OK);
    if (kind === "folder") await tryIn(path, path);
  } catch (cause) {
    throw writeError(path, cause);
  }
}

/** Undefined where there is nothing. @throws what the system says of a path that leads nowhere */
async function infoOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const isLink = await lstat(path).then(
    () => true,
    () => false,
  );
  if (!isLink) return undefined;
  throw new UserError(`${shortened(path)} is a link to what is not there`, "Remove it, or name another place.");
}

async function assertCanBeMade(path: string): Promise<void> {
  let above = dirname(resolve(path));
  let info = await infoOf(above);
  for (; info === undefined && dirname(above) !== above; info = await infoOf(above)) above = dirname(above);
  if (info?.isDirectory() === false) throw new UserError(`${above} is no folder`, "Name another place.");
  const missing = relative(above, resolve(path)).split(sep);
  // A name is too long for a file system, wherever it stands.
  for (const name of missing) await lstat(join(above, name)).catch(ignoreAbsent);
  await tryIn(above, missing[0] ?? basename(path));
}

async function tryIn(folder: string, name: string): Promise<void> {
  const probe = hiddenPath(folder, name, "removing");
  await mkdir(probe).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await rmdir(probe).catch(() => undefined); // whoever sweeps finds it
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

/** By whatever name. */
async function assertNotRead(output: string, inputs: readonly string[]): Promise<void> {
  const own = await realpath(output).catch(() => undefined);
  if (own === undefined || !(await stat(own)).isFile()) return;
  for (const input of inputs) {
    if ((await realpath(input).catch(() => undefined)) !== own) continue;
    throw new UserError(
      `${output} is read${input === output ? "" : ` (as ${input})`} and cannot be written to`,
      "Name another output.",
    );
  }
}
