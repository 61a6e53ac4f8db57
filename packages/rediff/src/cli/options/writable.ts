import { existsSync } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../errors.js";
import { infoOf, kindOf } from "../../files/regular-file.js";

/** Whether a file can be made or written to, before hours of work are put into it. Makes nothing.
 *  @throws UserError that says why not */
export async function assertWritable(path: string): Promise<void> {
  if (path === "") throw new UserError("the name of a file to be written is empty", "Name a file.");
  if (path === "-")
    throw new UserError(
      "- does not stand for standard output here",
      "Use /dev/stdout, or ./- for a file of that name.",
    );
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) throw new UserError(`${path} is a folder`, "Name a file.");
  const target = info === undefined ? dirname(path) : path;
  await access(target, constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? `there is no folder ${target}` : "it is not permitted";
    throw new UserError(`${path} cannot be written: ${why}`);
  });
}

/** The same of a file that is written whole and then put in its place, which no device or pipe can be.
 *  @throws UserError that says why not */
export async function assertReplaceable(path: string): Promise<void> {
  await assertWritable(path);
  const info = infoOf(path);
  if (info?.isFile() === false) throw new UserError(`${path} is ${kindOf(info)}`, "Name a file.");
}

/** @throws UserError when the folder holds a model, which would be written over */
export function assertNoModel(folder: string): void {
  if (existsSync(join(folder, "config.json")))
    throw new UserError(`${folder} holds a model already`, "Name another folder.");
}
