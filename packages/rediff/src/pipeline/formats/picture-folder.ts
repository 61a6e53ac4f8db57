/** Pictures that come as bytes, written to a folder under names that tell them apart. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { UserError } from "../../errors.js";
import { writeError } from "../../files/write-errors.js";
import { type PictureFormat, sniffFormat } from "../../vision/picture/picture-header.js";
import { memberPath } from "../archives/member-path.js";

const EXTENSIONS: Record<PictureFormat, string> = {
  jpeg: ".jpg",
  png: ".png",
  webp: ".webp",
  gif: ".gif",
  tiff: ".tif",
  avif: ".avif",
  bmp: ".bmp",
  heic: ".heic",
};

export class PictureFolder {
  /** By name: the digest of what was put there in this run. */
  readonly #names = new Map<string, string>();
  /** Files written, without those that were there already. */
  written = 0;

  constructor(readonly folder: string) {}

  /** Writes a picture, unless it is there; returns its name in the folder. The same pictures in the same order get the
   *  same names, so a run that was cut off can be repeated.
   *  @param name wanted; one that leaves the folder loses its folders, one that another picture has gets a number
   *  @param stem of the file name where there is no name */
  async put(bytes: Uint8Array, name: string | undefined, stem: string): Promise<string> {
    const digest = createHash("sha1").update(bytes).digest("base64");
    const wanted = name === undefined ? `${stem}${extensionOf(bytes)}` : safeName(name, stem);
    const end = extname(wanted);
    const base = wanted.slice(0, wanted.length - end.length);
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? wanted : `${base}-${number}${end}`;
      const known = this.#names.get(candidate);
      if (known === digest) return candidate;
      if (known !== undefined) continue;
      await this.#save(candidate, bytes);
      this.#names.set(candidate, digest);
      return candidate;
    }
  }

  async #save(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.folder, name);
    const there = await readFile(path).catch(() => undefined);
    if (there?.equals(bytes)) return;
    if (there !== undefined)
      throw new UserError(`${path} is there already and is another picture`, "Name an empty folder for the pictures.");
    const partial = `${path}.partial`; // One name for all runs: the next one replaces what a killed one left.
    try {
      await mkdir(dirname(path), { recursive: true });
      await rm(partial, { force: true });
      await writeFile(partial, bytes, { flag: "wx" });
      await rename(partial, path);
    } catch (cause) {
      await rm(partial, { force: true });
      throw writeError(path, cause);
    }
    this.written++;
  }
}

const extensionOf = (bytes: Uint8Array): string => {
  const format = sniffFormat(bytes);
  return format === undefined ? ".bin" : EXTENSIONS[format];
};

function safeName(name: string, stem: string): string {
  const whole = memberPath(name);
  if (typeof whole === "string") return whole;
  const base = memberPath(name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1));
  return typeof base === "string" ? base : stem;
}
