/** Weight files that are something else: Git LFS pointers of a clone without LFS, web pages of a download without login. */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { MISTAKEN_HEAD_BYTES, mistakenFile } from "../files/mistaken-file.js";
import { infoOf } from "../files/regular-file.js";

/** The error about such files in a folder, or about a file; undefined where nothing is known of them. All are counted:
 *  they mostly come together. */
export function mistakenWeights(folderOrFile: string): UserError | undefined {
  const paths = statSync(folderOrFile, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(folderOrFile)
        .filter((name) => /\.safetensors(\.index\.json)?$/.test(name))
        .map((name) => join(folderOrFile, name))
    : [folderOrFile];
  const found = paths.sort().flatMap((path) => {
    const mistaken = mistakenFile(headOf(path));
    return mistaken === undefined ? [] : [{ path, ...mistaken }];
  });
  const [first] = found;
  if (first === undefined) return undefined;
  const expected = first.path.endsWith(".json")
    ? "JSON"
    : first.path.endsWith(".bin")
      ? "a file of torch.save"
      : "safetensors";
  const others = found.length > 1 ? ` (so are ${found.length - 1} other weight files here)` : "";
  return new UserError(`${first.path}: is ${first.what}; expected ${expected}${others}`, `${first.hint}.`);
}

/** Its first bytes; none where it cannot be read or is no regular file. */
export function headOf(path: string): Uint8Array {
  try {
    if (infoOf(path)?.isFile() !== true) return new Uint8Array();
    const file = openSync(path, "r");
    try {
      const head = Buffer.alloc(MISTAKEN_HEAD_BYTES);
      return head.subarray(0, readSync(file, head, 0, head.length, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return new Uint8Array(); // its reader says why
  }
}
