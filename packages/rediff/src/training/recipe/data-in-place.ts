/** A file of records, given where a recipe is expected: known by its name, or by what is in it. */
import { basename, extname } from "node:path";
import { UserError } from "../../errors.js";
import { infoOf, type WholeFile } from "../../files/regular-file.js";
import { readUtf8Sync } from "../../files/utf8-text.js";
import { parseYaml } from "../../options/yaml-text.js";

/** Of no recipe. */
const DATA = new Set([".jsonl", ".ndjson", ".tar", ".parquet"]);
/** May be either: YAML takes JSON, and a mixture of data files is YAML too. */
const EITHER = new Set([".json", ".yaml", ".yml"]);
/** Recipes are written by hand. */
export const RECIPE: WholeFile = { expected: "a recipe", most: 1 << 20 };

/** Whether a path names data (also a brace list of files) and not a recipe. False for what cannot be read.
 *  @throws UserError when it may be either, and is not UTF-8 */
export function isData(path: string): boolean {
  const extension = extname(path).toLowerCase();
  if (DATA.has(extension)) return true;
  const info = infoOf(path);
  if (info === undefined) return /\{[^{}]*,[^{}]*\}/.test(basename(path)) && EITHER.has(extension);
  if (!info.isFile() || !EITHER.has(extension)) return false;
  if (info.size > RECIPE.most) return true;
  const text = readUtf8Sync(path);
  // Records of a JSON array, or one of JSON lines; no recipe begins so.
  if (extension === ".json" && /^\s*\[/.test(text)) return true;
  const content = yamlValue(text, path);
  if (content === undefined) return extension === ".json"; // JSON lines, or a mistake that the reader explains
  if (typeof content !== "object" || content === null || Array.isArray(content)) return extension === ".json";
  const isRecipe = "model" in content || "data" in content || "output" in content;
  return !isRecipe && ("datasets" in content || (extension === ".json" && !("train" in content)));
}

function yamlValue(text: string, path: string): unknown {
  try {
    return parseYaml(text, path).value;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
