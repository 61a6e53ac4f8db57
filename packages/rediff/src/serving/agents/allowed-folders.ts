/** The folders whose files an agent may name. What it asks for may be a stranger's wish: it read a page, or a text. */
import { realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";

export class AllowedFolders {
  /** As they were named, and where they lead. */
  readonly #named: readonly string[];
  readonly #real: readonly string[];

  private constructor(named: readonly string[], real: readonly string[]) {
    this.#named = named;
    this.#real = real;
  }

  /** @throws UserError for what is no folder */
  static async of(folders: readonly string[]): Promise<AllowedFolders> {
    const named = folders.map((folder) => resolve(folder));
    const real = await Promise.all(
      named.map(async (folder) => {
        const place = await realpath(folder).catch((cause: unknown) => {
          throw fileError(folder, cause);
        });
        if ((await stat(place)).isDirectory()) return place;
        throw new UserError(`${folder} is no folder`, "Name the folder that the pictures are in.");
      }),
    );
    return new AllowedFolders(named, real);
  }

  /** Where a path leads, when that is in one of the folders. Of what is outside, nothing is looked at.
   *  @throws UserError for all else: `path_not_allowed`, `file_not_found` */
  async find(path: string): Promise<string> {
    const wanted = resolve(path);
    if (path === "" || path.includes("\0") || !isWithin(wanted, [...this.#named, ...this.#real]))
      throw this.#refused(path);
    const real = await realpath(wanted).catch((cause: unknown) => {
      throw fileError(path, cause);
    });
    if (!isWithin(real, this.#real)) throw this.#refused(path); // a link that leads out
    return real;
  }

  #refused(path: string): UserError {
    return new UserError(
      `${JSON.stringify(path.slice(0, 200))} is in none of the folders that may be read: ${this.#named.join(", ")}`,
      "Name a file in one of them, send the picture itself, or have the server started with --allow DIR.",
      { code: "path_not_allowed" },
    );
  }
}

function isWithin(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const way = relative(folder, path);
    return way === "" || (!isAbsolute(way) && way !== ".." && !/^\.\.[\\/]/.test(way));
  });
}
