// @ts-check
/** What the addon is made from: the files of native/, and build.mjs with the compiler's flags. Sizes and times of change
 *  tell cheaply that they are still the same, a hash tells it surely. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./paths.mjs";

/**
 * @typedef {Record<string, [size: number, mtimeMs: number]>} FileTimes by path relative to the package
 */

/** The C++ files, sorted, relative to the package.
 *  @param {string} [root] */
export function nativeFiles(root = packageRoot) {
  return readdirSync(join(root, "native"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

/** All files that a build may depend on.
 *  @param {string} root */
function sourceFiles(root) {
  return [...nativeFiles(root), join("setup", "build.mjs")];
}

/**
 * @param {string} [root]
 * @returns {FileTimes}
 */
export function sourceTimes(root = packageRoot) {
  return Object.fromEntries(
    sourceFiles(root).map((file) => {
      const { size, mtimeMs } = statSync(join(root, file));
      return [file, [size, mtimeMs]];
    }),
  );
}

/** @param {string} [root] */
export function sourceHash(root = packageRoot) {
  return hashFiles(root, sourceFiles(root));
}

/**
 * sha256 over names and contents, in the order given.
 * @param {string} root
 * @param {string[]} files
 */
export function hashFiles(root, files) {
  const hash = createHash("sha256");
  for (const file of files) {
    const content = readFileSync(join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/**
 * @param {FileTimes} a
 * @param {FileTimes} b
 */
export function sameTimes(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
