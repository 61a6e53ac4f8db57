// @ts-check
/** Where the references of the packages are written to: all of them, or none. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** The library's first: it empties its folder, which the other's is in. */
const FOLDERS = { rediff: "", torch: "torch" };

/** Makes the references anew, beside `target`, and puts them in the place of those in it, which stay as they were when one cannot
 *  be made.
 *  @param {string} target
 *  @param {(name: string, output: string) => void} make writes one package's reference. @throws when it cannot */
export function replaceReferences(target, make) {
  const [made, old] = [`${target}.made`, `${target}.old`];
  for (const left of [made, old]) rmSync(left, { recursive: true, force: true });
  try {
    mkdirSync(made, { recursive: true });
    for (const [name, within] of Object.entries(FOLDERS)) make(name, join(made, within));
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    throw error;
  }
  if (existsSync(target)) renameSync(target, old);
  renameSync(made, target);
  rmSync(old, { recursive: true, force: true });
}
