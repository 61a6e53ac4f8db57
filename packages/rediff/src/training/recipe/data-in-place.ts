/** A file of records, given where a recipe is expected: known by its name, or by what is in it. */
import { statSync } from "node:fs";
import { basename, extname } from "node:path";
import { parseDocument } from "yaml";
import { readUtf8Sync } from "../../files/utf8-text.js";

/** Of no recipe. */
const DATA = new Set([".jsonl", ".ndjson", ".tar", ".parquet"]);
/** May be either: YAML takes JSON, and a mixture of data files is YAML too. */
const EITHER = new Set([".json", ".yaml", ".yml"]);
/** Recipes and mixtures are written by hand. */
const MOST_BYTES = 1 << 20;

/** Whether a path names data (also a brace list of files) and not a recipe. False for what cannot be read.
 *  @throws UserError when it may be either, and is not UTF-8 */
export function isData(path: string): boolean {
  const extension = extname(path).toLowerCase();
  if (DATA.has(extension)) return true;
  const info = statSync(path, { throwIfNoEntry: false });
  if (info === undefined) return /\{[^{}]*,[^{}]*\}/.test(basename(path)) && EITHER.has(extension);
  if (!info.isFile() || !EITHER.has(extension)) return false;
  if (info.size > MOST_BYTES) return true;
  const text = readUtf8Sync(path);
  // Records of a JSON array, or one of JSON lines; no recipe begins so.
  if (extension === ".json" && /^\s*\[/.test(text)) return true;
  const document = parseDocument(text, { logLevel: "silent", prettyErrors: false });
  if (document.errors.length > 0) return extension === ".json"; // JSON lines, or a mistake that the reader explains
  const content: unknown = document.toJS();
  if (typeof content !== "object" || content === null || Array.isArray(content)) return extension === ".json";
  const isRecipe = "model" in content || "data" in content || "output" in content;
  return !isRecipe && ("datasets" in content || (extension === ".json" && !("train" in content)));
}
