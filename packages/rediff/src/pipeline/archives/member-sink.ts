/** Where members of archives are written: below one folder, under their own names, each whole or not at all.
 *
 *  Nothing but plain files is ever made, so no member can turn a later one's path into another place; a link that is in
 *  the folder already and leads out of it is refused. */
import { lstat, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { UserError } from "../../errors.js";
import { writeError } from "../../files/write-errors.js";
import { memberPath } from "./member-path.js";

export interface Unpacked {
  /** Members written, and their bytes. */
  files: number;
  bytes: number;
  /** Members that were there already. */
  present: number;
  /** Links, devices and other members that are no files; they are left out. */
  special: string[];
}

const PARTIAL = ".partial";
/** Their names are kept, in a Map, which holds no more than 2^24. */
const MOST_MEMBERS = 16_000_000;
const quoted = (name: string): string => JSON.stringify(name.length > 200 ? `${name.slice(0, 197)}...` : name);

export class MemberSink {
  readonly result: Unpacked = { files: 0, bytes: 0, present: 0, special: [] };
  readonly #checked = new Set<string>();
  /** Members so far, as a disk that does not tell letters of two cases apart calls them. */
  readonly #members = new Map<string, string>();
  #root: string | undefined;

  constructor(
    readonly folder: string,
    private readonly archive: string,
    /** Each takes a place in the folder, also the empty ones. */
    private readonly mostMembers = MOST_MEMBERS,
  ) {}

  /** The member's path in the folder. @throws UserError for a name that leaves it */
  pathOf(name: string): string {
    const path = memberPath(name);
    if (typeof path === "string" && !path.endsWith(PARTIAL)) return path;
    const wrong = typeof path === "string" ? `ends in ${PARTIAL}, as files do that are being unpacked` : path.wrong;
    throw new UserError(
      `${this.archive}: the name of its member ${quoted(name)} ${wrong}`,
      "Do not use this archive; get it from where it was published.",
    );
  }

  /** Takes note of a file. @throws UserError when another member has its place, or when there are too many */
  async admit(path: string): Promise<void> {
    const folded = path.normalize("NFC").toLowerCase();
    const other = this.#members.get(folded);
    if (other === path) throw this.#collision(`has two members ${quoted(path)}`);
    // On most disks they are two files.
    if (other !== undefined && (await lstat(join(this.folder, path)).catch(() => undefined)) !== undefined)
      throw this.#collision(`has members ${quoted(other)} and ${quoted(path)}, which are one file on this disk`);
    if (this.#members.size >= this.mostMembers) throw this.#collision(`has more than ${this.mostMembers} members`);
    this.#members.set(folded, path);
  }

  #collision(what: string): UserError {
    return new UserError(`${this.archive} ${what}`, "Unpack it by other means, and give the folder.");
  }

  /** Whether a member of this size was unpacked before. Members get their names when they are whole. */
  async has(path: string, bytes: number): Promise<boolean> {
    const info = await lstat(join(this.folder, path)).catch(() => undefined);
    return info?.isFile() === true && info.size === bytes;
  }

  async write(path: string, size: number, content: AsyncIterable<Uint8Array>): Promise<void> {
    const target = join(this.folder, path);
    await this.#enter(dirname(target));
    // One name for all runs, so that the next one replaces what a killed one left.
    const partial = `${target}${PARTIAL}`;
    try {
      await rm(partial, { force: true }); // A link would be written through.
      const handle = await open(partial, "wx");
      let bytes = 0;
      try {
        for await (const chunk of content) {
          for (let done = 0; done < chunk.length; ) done += (await handle.write(chunk, done)).bytesWritten;
          bytes += chunk.length;
        }
      } finally {
        await handle.close();
      }
      if (bytes !== size) throw new Error(`member ${path} has ${bytes} of ${size} bytes`);
      await rename(partial, target);
      this.result.files++;
      this.result.bytes += bytes;
    } catch (cause) {
      await rm(partial, { force: true });
      throw writeError(target, cause);
    }
  }

  /** Makes a folder, and sees that it really lies below the root. */
  async #enter(folder: string): Promise<void> {
    if (this.#checked.has(folder)) return;
    try {
      await mkdir(folder, { recursive: true });
    } catch (cause) {
      throw writeError(folder, cause);
    }
    this.#root ??= await realpath(this.folder);
    const within = relative(this.#root, await realpath(folder));
    if (within === ".." || within.startsWith(`..${sep}`))
      throw new UserError(`${folder} is a link that leads out of ${this.folder}`, "Remove the link.");
    this.#checked.add(folder);
  }
}
