/** A folder that is whole or not there: files are written beside it and get their places when all are on the disk.
 *
 *  Two departures from files/whole-folder.ts, which checkpoints of a run are written with: the place may be a folder
 *  with other files in it, which stay, and the next run for the same place removes what a killed one has left. */

import { existsSync } from "node:fs";
import { copyFile, mkdir, open, readdir, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { option, UserError, wording } from "../errors.js";
import { freeBytes } from "../files/disk-space.js";
import { hiddenPath, readHiddenName } from "../files/hidden-names.js";
import { assertRegular } from "../files/regular-file.js";
import { makeFolders } from "../files/whole-folder.js";
import { roomError } from "../files/write-errors.js";
import { gib } from "./memory.js";

/** Files of a model folder beside config.json and the weights that a conversion takes along. */
const CARRIED = [
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "chat_template.jinja",
  "chat_template.json",
  "LICENSE",
  "LICENSE.txt",
  "LICENSE.md",
  "NOTICE",
];

/** What an older model in the same folder may have left, and what would contradict the new one. */
const isModelFile = (name: string): boolean =>
  CARRIED.includes(name) ||
  ["config.json", "vision_config.json", "model.safetensors.index.json"].includes(name) ||
  /^model(-\d{5}-of-\d{5})?\.safetensors$/.test(name);

export interface OutputOptions {
  /** Replace the model that is in the folder; other files in it stay. */
  force?: boolean | undefined;
  /** About how much will be written. */
  bytes: number;
  /** Folders that are read meanwhile, and must not be written to. */
  sources: readonly string[];
}

/** @throws UserError when the folder is in use, is a source, is a file, or when the disk is too small */
export async function checkOutput(output: string, { force, bytes, sources }: OutputOptions): Promise<void> {
  if (existsSync(output)) {
    const real = await realpath(output);
    for (const source of sources)
      if (real === (await realpath(source)))
        throw new UserError(`${output} is read and cannot be written to`, "Name another folder for the result.");
    const names = await readdir(output).catch((error: NodeJS.ErrnoException) => {
      throw new UserError(`${output} cannot be used as a folder (${error.code})`, "Name a folder for the result.");
    });
    const inUse = names.filter((name) => !isPartial(name, resolve(output)));
    if (inUse.length > 0 && force !== true)
      throw new UserError(
        `${output} is not empty (${inUse.slice(0, 3).join(", ")}${inUse.length > 3 ? ", ..." : ""})`,
        wording`Name a new folder, or replace the model in it with ${option("force")}.`,
      );
  }
  const free = freeBytes(output);
  if (free !== undefined && free < bytes)
    throw new UserError(
      `${output}: ${gib(bytes)} are needed and ${gib(free)} are free on its disk`,
      "Make room first.",
    );
}

/** Has `write` fill a new folder, then gives its files their places in `output`, config.json last. Whatever goes wrong,
 *  nothing of it stays. Call `checkOutput` first. */
export async function intoFolder(output: string, write: (folder: string) => Promise<void>): Promise<void> {
  const target = resolve(output);
  const exists = existsSync(target);
  // Inside a folder that is there: it may be a mount, and a rename must not leave its file system.
  const parent = exists ? target : dirname(target);
  const partial = hiddenPath(parent, target, "partial");
  try {
    makeFolders(parent);
    await sweep(parent, target);
    await mkdir(partial);
    await write(partial);
    if (exists) await moveInto(partial, target);
    else await rename(partial, target);
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined); // the next run's to remove
    throw roomError(output, error);
  }
}

function isPartial(name: string, target: string): boolean {
  const hidden = readHiddenName(name);
  return hidden?.of === basename(target) && hidden.purpose === "partial";
}

/** Removes what runs on this machine left that are no more. */
async function sweep(parent: string, target: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!isPartial(name, target)) continue;
    const owner = readHiddenName(name)?.owner;
    if (owner === "this process" || owner === "a process that is no more")
      await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** config.json goes first and comes last, so that the folder never passes for a model in between. */
async function moveInto(partial: string, target: string): Promise<void> {
  await rm(join(target, "config.json"), { force: true });
  for (const name of await readdir(target)) if (isModelFile(name)) await rm(join(target, name), { force: true });
  const names = (await readdir(partial)).filter((name) => name !== "config.json");
  for (const name of [...names, "config.json"]) await rename(join(partial, name), join(target, name));
  await rm(partial, { recursive: true, force: true });
}

/** Tokenizer, generation settings and licence; returns the names. */
export async function carryFiles(source: string, folder: string): Promise<string[]> {
  const names = CARRIED.filter((name) => existsSync(join(source, name)));
  for (const name of names) {
    await assertRegular(join(source, name), "a file of a model");
    await copyFile(join(source, name), join(folder, name));
  }
  return names;
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await using file = await open(path, "w");
  await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
  await file.sync();
}
