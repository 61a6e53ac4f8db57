// @ts-check
/** Which source imports which, read from the import lines of TypeScript files. Types count: whoever reads a file has to
 *  know what its types are. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** @typedef {Map<string, string[]>} ImportGraph for each file, by its path within the folder, the files that it imports */

/** All TypeScript sources below a folder, tests among them, by their path within it.
 * @param {string} folder
 * @returns {string[]} */
export function sourcesIn(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path) && !/(^|\/)(node_modules|dist|build)\//.test(path))
    .sort();
}

/** Static imports and exports, dynamic imports, imports in types.
 * @param {string} folder
 * @returns {ImportGraph} */
export function importGraph(folder) {
  return new Map(
    sourcesIn(folder).map((path) => {
      const file = join(folder, path);
      const found = readFileSync(file, "utf8").matchAll(/(?:\bfrom|\bimport\(|^import)\s*"(\.{1,2}\/[^"]+)"/gm);
      const targets = [...found].flatMap(([, name]) => sourceOf(resolve(dirname(file), name ?? "")) ?? []);
      return [path, [...new Set(targets.map((target) => relative(folder, target)))]];
    }),
  );
}

/** @param {string} path as an import names it, with the extension of what is compiled */
function sourceOf(path) {
  const stem = path.replace(/\.js$/, "");
  return [`${stem}.ts`, `${stem}.tsx`].find((file) => existsSync(file));
}

/** Groups of files each of which reaches all others of its group by imports (Tarjan's strongly connected components).
 * @param {ImportGraph} graph
 * @returns {string[][]} */
export function circlesOf(graph) {
  /** @type {Map<string, number>} */
  const found = new Map();
  /** @type {Map<string, number>} */
  const lowest = new Map();
  /** @type {string[]} */
  const open = [];
  /** @type {string[][]} */
  const circles = [];
  /** @param {string} file */
  const visit = (file) => {
    found.set(file, found.size);
    lowest.set(file, found.size - 1);
    open.push(file);
    for (const target of graph.get(file) ?? []) {
      if (!found.has(target)) visit(target);
      if (open.includes(target)) lowest.set(file, Math.min(lowest.get(file) ?? 0, lowest.get(target) ?? 0));
    }
    if (lowest.get(file) !== found.get(file)) return;
    const group = open.splice(open.indexOf(file));
    if (group.length > 1 || graph.get(file)?.includes(file)) circles.push(group.sort());
  };
  for (const file of graph.keys()) if (!found.has(file)) visit(file);
  return circles;
}

/** @param {string} folder */
export const importCircles = (folder) => circlesOf(importGraph(folder));
