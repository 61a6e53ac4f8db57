/** A file that is whole or not there: it is written beside its place under a hidden name, synced, and renamed. The place of
 *  a link is where it leads: who has put one there wants the file to lie on the other disk.
 *
 *  A killed run leaves `.NAME.partial-HOST-PID`, which the next one for the same place removes. */
import { type FileHandle, open, readdir, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.js";
import { hiddenPath, readHiddenName } from "./hidden-names.js";
import { infoOf, kindOf } from "./regular-file.js";
import { makeFolders } from "./whole-folder.js";
import { writeError } from "./write-errors.js";

const BUFFER_BYTES = 1 << 20;

/** Owns the file under way: `commit()` or `abort()` it. */
export class AtomicFile {
  readonly #handle: FileHandle;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  private constructor(
    readonly path: string,
    /** Where the file will lie, and where a link of that name leads. */
    private readonly place: string,
    /** Where the bytes are until `commit`. */
    readonly partial: string,
    handle: FileHandle,
  ) {
    this.#handle = handle;
  }

  /** @throws UserError when nothing can be written there */
  static async create(path: string): Promise<AtomicFile> {
    try {
      makeFolders(dirname(path));
      const info = infoOf(path);
      // The rename would take the place of a device, for all who use it.
      if (info?.isFile() === false) throw new UserError(`${path} is ${kindOf(info)}`, "Name a file for the result.");
      const place = await realpath(path).catch(() => path);
      await sweep(place);
      const partial = hiddenPath(dirname(place), place, "partial");
      return new AtomicFile(path, place, partial, await open(partial, "w"));
    } catch (cause) {
      throw writeError(path, cause);
    }
  }

  async write(content: string | Uint8Array): Promise<void> {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= BUFFER_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      for (let done = 0; done < bytes.length; ) done += (await this.#handle.write(bytes, done)).bytesWritten;
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  /** Gives the file its place. @param sync false for what may be lost when the machine itself goes down */
  async commit({ sync = true } = {}): Promise<void> {
    await this.flush();
    try {
      if (sync) await this.#handle.sync();
      await this.#handle.close();
      await rename(this.partial, this.place);
      if (sync) await syncFolder(dirname(this.place));
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  /** Leaves nothing. Harmless after `commit`. */
  async abort(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(this.partial, { force: true }).catch(() => undefined); // the next run's to remove
  }
}

/** A small file, whole or not at all. */
export const writeText = (path: string, text: string, options: { sync?: boolean } = {}): Promise<void> =>
  writeWhole(path, text, options);

export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  options: { sync?: boolean } = {},
): Promise<void> {
  const file = await AtomicFile.create(path);
  try {
    await file.write(content);
    await file.commit(options);
  } finally {
    await file.abort();
  }
}

/** Removes what runs on this machine left that are no more. */
async function sweep(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    const hidden = readHiddenName(name);
    if (hidden?.of === basename(path) && hidden.purpose === "partial" && hidden.owner === "a process that is no more")
      await rm(join(dirname(path), name), { force: true });
  }
}

/** A rename is on the disk when its folder is. Some file systems cannot sync folders. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
