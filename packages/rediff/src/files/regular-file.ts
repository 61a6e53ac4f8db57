/** Files that are opened to be read from anywhere in them. A named pipe that nobody writes to would wait for ever, and
 *  /dev/zero never ends; the path may come from a stranger's data set. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { UserError } from "../errors.js";
import { formatBytes } from "../units.js";
import { fileError } from "./read-errors.js";

/** Windows has neither the constant nor such files. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Opens without waiting for whatever may be at the other end.
 *  @param expected for messages: "a picture file"
 *  @throws UserError when there is none, or when it is no regular file */
export async function openRegular(path: string, expected: string): Promise<FileHandle> {
  const file = await open(path, FLAGS).catch(async (cause: unknown) => {
    // A socket cannot be opened at all.
    await assertRegular(path, expected);
    throw fileError(path, cause);
  });
  try {
    refuseOthers(path, await file.stat(), expected);
    return file;
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

/** For those who hand the path on to somebody who opens it.
 *  @returns bytes of the file
 *  @throws UserError as `openRegular` does */
export async function assertRegular(path: string, expected: string): Promise<number> {
  const info = await stat(path).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  refuseOthers(path, info, expected);
  return info.size;
}

/** The same at once. */
export function assertRegularSync(path: string, expected: string): void {
  try {
    refuseOthers(path, statSync(path), expected);
  } catch (cause) {
    throw cause instanceof UserError ? cause : fileError(path, cause);
  }
}

export interface WholeFile {
  /** For messages: "a recipe". */
  expected: string;
  /** Bytes that such a file may have: it is held in memory. */
  most: number;
}

/** All of a small file.
 *  @throws UserError as `openRegular` does, and when the file is larger than it may be */
export async function readRegular(path: string, { expected, most }: WholeFile): Promise<Buffer> {
  await using file = await openRegular(path, expected);
  refuseLarger(path, (await file.stat()).size, { expected, most });
  return await file.readFile().catch((cause: unknown) => {
    throw fileError(path, cause);
  });
}

/** Opens as `openRegular` does, at once.
 *  @returns a descriptor, which the caller closes */
export function openRegularSync(path: string, expected: string): number {
  let file: number;
  try {
    file = openSync(path, FLAGS);
  } catch (cause) {
    const info = infoOf(path);
    if (info !== undefined) refuseOthers(path, info, expected);
    throw fileError(path, cause);
  }
  try {
    refuseOthers(path, fstatSync(file), expected);
    return file;
  } catch (cause) {
    closeSync(file);
    throw cause;
  }
}

/** All of a small file, at once. */
export function readRegularSync(path: string, { expected, most }: WholeFile): Buffer {
  const file = openRegularSync(path, expected);
  try {
    refuseLarger(path, fstatSync(file).size, { expected, most });
    return readFileSync(file);
  } catch (cause) {
    throw cause instanceof UserError ? cause : fileError(path, cause);
  } finally {
    closeSync(file);
  }
}

/** Undefined where there is nothing, or nothing that one gets to: names that are too long, links in circles. */
export function infoOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function refuseLarger(path: string, size: number, { expected, most }: WholeFile): void {
  if (size <= most) return;
  throw new UserError(`${path}: is ${formatBytes(size)} large; ${expected} has at most ${formatBytes(most)}`);
}

function refuseOthers(path: string, info: Stats, expected: string): void {
  if (info.isFile()) return;
  if (info.isDirectory()) throw new UserError(`${path}: is a folder; expected ${expected}`, "Name the files in it");
  throw new UserError(`${path}: is ${kindOf(info)}; expected ${expected}`, "Copy what it gives into a file");
}

/** What it is that is no regular file. */
export function kindOf(info: Stats): string {
  if (info.isDirectory()) return "a folder";
  if (info.isFIFO()) return "a named pipe";
  if (info.isSocket()) return "a socket";
  return "a device";
}
