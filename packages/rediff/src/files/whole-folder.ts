/** Folders that are whole or not there, whatever moment the machine stops at: written under a hidden name, brought to
 *  the disk file by file, then renamed. A folder is removed the other way round: hidden first, then emptied.
 *
 *  What a killed run leaves has a name of the form `.NAME.saving-HOST-PID` or `.NAME.removing-HOST-PID`; the next run
 *  removes it. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, statSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { hiddenPath, readHiddenName } from "./hidden-names.js";

/** Makes a folder and those that it lies in, where they are not there. Node's own way never ends in a place that takes no
 *  folders and calls them missing, as Linux' /proc does.
 *  @returns the first that was made */
export function makeFolders(path: string): string | undefined {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at);
  if (missing.length === 0 && !isFolder(path)) missing.push(path); // for the system's error
  let first: string | undefined;
  for (const folder of missing) {
    try {
      mkdirSync(folder);
      first ??= folder;
    } catch (error) {
      if (!isFolder(folder)) throw error; // else another process was faster
    }
  }
  return first;
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Has `write` fill a new folder that then becomes `target`, in place of one that is there. Whatever goes wrong in
 *  `write`, nothing of it stays and the old one is untouched. */
export async function writeWholeFolder(target: string, write: (folder: string) => Promise<void>): Promise<void> {
  const path = resolve(target);
  const hidden = hiddenPath(dirname(path), path, "saving");
  makeFolders(dirname(path));
  try {
    await rm(hidden, { recursive: true, force: true });
    await mkdir(hidden);
    await write(hidden);
    syncTree(hidden);
  } catch (error) {
    await rm(hidden, { recursive: true, force: true }).catch(() => undefined); // the next run's to remove
    throw error;
  }
  if (existsSync(path)) await removeWholeFolder(path);
  await rename(hidden, path);
  sync(dirname(path));
}

/** Removes a folder so that a half-emptied one is never taken for a whole one. */
export async function removeWholeFolder(target: string): Promise<void> {
  const path = resolve(target);
  const hidden = hiddenPath(dirname(path), path, "removing");
  await rm(hidden, { recursive: true, force: true });
  await rename(path, hidden);
  sync(dirname(path));
  await rm(hidden, { recursive: true, force: true });
}

/** Another machine may still be at work in a folder that was touched so recently. */
const STALE_MS = 10 * 60_000;

/** Removes what killed runs left in `parent`: of processes of this machine that are no more, and of whatever machine
 *  when it has not been touched for ten minutes. Returns the names. */
export async function sweepLeftovers(parent: string): Promise<string[]> {
  if (!existsSync(parent)) return [];
  const swept: string[] = [];
  for (const name of await readdir(parent)) {
    const hidden = readHiddenName(name);
    if (hidden === undefined) continue;
    const path = join(parent, name);
    const isDead = hidden.owner === "this process" || hidden.owner === "a process that is no more";
    if (!isDead && Date.now() - lastTouched(path) < STALE_MS) continue;
    await rm(path, { recursive: true, force: true });
    swept.push(name);
  }
  return swept;
}

/** Of the folder and the files in it, the latest change. */
function lastTouched(folder: string): number {
  const times = readdirSync(folder).map(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return Math.max(statSync(folder).mtimeMs, ...times);
}

/** Brings a folder, and all that is in it, to the disk. */
export function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else sync(path);
  }
  sync(folder);
}

/** Brings a file, or the names in a folder, to the disk. */
export function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } catch (error) {
    // Some network file systems cannot sync folders; a full disk or a broken one must be heard.
    if (!["EINVAL", "ENOTSUP", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    closeSync(file);
  }
}
