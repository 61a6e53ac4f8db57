// @ts-check
/** Which source file imports which, and the circles in it. A type that is imported counts like a value: who wants to
 *  understand the one file has to read the other. */
import { readdirSync, readFileSync } from "node:fs";
import { posix, sep } from "node:path";

/** Files by path relative to the folder they were looked for in, with "/" on every system, and what each imports of
 *  that folder.
 *  @typedef {Map<string, string[]>} ImportGraph */

/**
 * The .ts and .tsx files below a folder, tests among them, and their imports of each other.
 * @param {string} folder
 * @returns {ImportGraph}
 */
export function importGraph(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll(sep, "/"))
    .filter((path) => /\.tsx?$/.test(path) && !/(^|\/)(node_modules|dist)\//.test(path))
    .sort();
  const known = new Set(files);
  return new Map(
    files.map((file) => {
      const specifiers = relativeImports(readFileSync(posix.join(folder, file), "utf8"));
      const found = specifiers.flatMap((specifier) => resolve(file, specifier, known));
      return [file, [...new Set(found)].sort()];
    }),
  );
}

/**
 * The circles of imports below a folder.
 * @param {string} folder
 * @returns {string[][]}
 */
export function importCircles(folder) {
  return circlesIn(importGraph(folder));
}

/**
 * Groups of files of which each reaches every other: the strongly connected components (Tarjan's) of more than one file.
 * @param {ImportGraph} graph
 * @returns {string[][]}
 */
export function circlesIn(graph) {
  /** @type {string[][]} */
  const circles = [];
  /** @type {Map<string, number>} the order in which files were reached */
  const order = new Map();
  /** @type {string[]} files of components that are not complete */
  const open = [];

  /**
   * @param {string} file
   * @returns {number} the earliest open file that this one reaches
   */
  function visit(file) {
    const mine = order.size;
    order.set(file, mine);
    open.push(file);
    let earliest = mine;
    for (const next of graph.get(file) ?? []) {
      const seen = order.get(next);
      if (seen === undefined) earliest = Math.min(earliest, visit(next));
      else if (open.includes(next)) earliest = Math.min(earliest, seen);
    }
    if (earliest === mine) {
      const component = open.splice(open.indexOf(file));
      if (component.length > 1) circles.push(component.sort());
    }
    return earliest;
  }

  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles;
}

// `import "./a.js"`, `import("./a.js")`, `... from "./a.js"`, and `declare module "./a.js"`, which adds to a file's types.
const IMPORT = /\b(?:import\s*\(?|from|declare\s+module)\s*["'](\.\.?\/[^"']*)["']/g;
const COMMENT_LINE = /^\s*(?:\/\/|\/\*|\*).*$/gm;

/** @param {string} source */
function relativeImports(source) {
  return Array.from(source.replace(COMMENT_LINE, "").matchAll(IMPORT), ([, specifier = ""]) => specifier);
}

/**
 * The source file behind a specifier, which names what it is compiled to; none for what is no source of the folder.
 * @param {string} from
 * @param {string} specifier
 * @param {Set<string>} known
 * @returns {string[]}
 */
function resolve(from, specifier, known) {
  const path = posix.join(posix.dirname(from), specifier);
  const bare = path.replace(/\.jsx?$/, "");
  const found = [path, `${bare}.ts`, `${bare}.tsx`, `${path}/index.ts`].find((candidate) => known.has(candidate));
  return found === undefined ? [] : [found];
}
