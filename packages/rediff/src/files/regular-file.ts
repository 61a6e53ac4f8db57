/** Files that are opened to be read from anywhere in them. A named pipe that nobody writes to would wait for ever, and
 *  /dev/zero never ends; the path may come from a stranger's data set. */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { UserError } from "../errors.js";
import { fileError } from "./read-errors.js";

/** Opens without waiting for whatever may be at the other end.
 *  @param expected for messages: "a picture file"
 *  @throws UserError when there is none, or when it is no regular file */
export async function openRegular(path: string, expected: string): Promise<FileHandle> {
  // Windows has neither the constant nor such files.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(async (cause: unknown) => {
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

function refuseOthers(path: string, info: Stats, expected: string): void {
  if (info.isFile()) return;
  if (info.isDirectory()) throw new UserError(`${path}: is a folder; expected ${expected}`, "Name the files in it");
  throw new UserError(`${path}: is ${kindOf(info)}; expected ${expected}`, "Copy what it gives into a file");
}

function kindOf(info: Stats): string {
  if (info.isFIFO()) return "a named pipe";
  if (info.isSocket()) return "a socket";
  return "a device";
}
