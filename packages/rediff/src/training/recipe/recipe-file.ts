/** Reads recipe files. An error names the file and the line, or the command line where the value came from there. */
import { isMap, isNode, isPair } from "yaml";
import { UserError } from "../../errors.js";
import { readUtf8Sync } from "../../files/utf8-text.js";
import { shownValue } from "../../options/issue-text.js";
import { parseYaml } from "../../options/yaml-text.js";
import { isData, RECIPE } from "./data-in-place.js";
import { applyOverrides, type Override, parseOverride } from "./overrides.js";
import { parseRecipeKeys, type RecipeKeys } from "./recipe.js";
import type { Origin } from "./recipe-errors.js";

/** The recipe in `file` with `overrides` ("key=value") put in.
 *  @throws UserError when it cannot be read, is not YAML, or when a key or value is wrong */
export function readRecipe(file: string, overrides: readonly string[] = []): RecipeKeys {
  if (isData(file)) {
    throw new UserError(
      `${file}: is data, expected a recipe`,
      `Name a recipe and the data behind it, data=${file}; \`rediff data check ${file}\` looks at the data alone`,
    );
  }
  return parseRecipe(readRecipeText(file), file, overrides.map(parseOverride));
}

/** @throws UserError when it cannot be read, is too large for a recipe, or is not UTF-8 */
export const readRecipeText = (file: string): string => readUtf8Sync(file, RECIPE);

/** The recipe in a YAML text; `file` is how messages call it. */
export function parseRecipe(text: string, file: string, overrides: readonly Override[] = []): RecipeKeys {
  return parseKeys(text, file, overrides, parseRecipeKeys);
}

/** What `parse` makes of the keys in a YAML text with `overrides` put in.
 *  @throws UserError when it is not YAML, and what `parse` throws */
export function parseKeys<Keys>(
  text: string,
  file: string,
  overrides: readonly Override[],
  parse: (content: unknown, origin: Origin) => Keys,
): Keys {
  const { document, lines, value } = parseYaml(text, file);
  const content = value ?? {};
  if (typeof content !== "object" || Array.isArray(content))
    throw new UserError(`${file}: expected keys with values, got ${shownValue(content)}`);

  const lineOf = (path: readonly PropertyKey[]): number | undefined => {
    let node: unknown = document.contents;
    let line: number | undefined;
    for (const key of path) {
      if (isMap(node)) {
        const pair = node.items.find((item) => isPair(item) && String(item.key) === String(key));
        if (pair === undefined) return undefined;
        if (isNode(pair.key) && pair.key.range) line = lines.linePos(pair.key.range[0]).line;
        node = pair.value;
      } else break; // inside a list: the line of its key
    }
    return line;
  };
  const isOverridden = (path: readonly PropertyKey[]) =>
    overrides.some((override) => {
      const shared = Math.min(override.path.length, path.length);
      return override.path.slice(0, shared).join(".") === path.slice(0, shared).map(String).join(".");
    });
  const origin = (path: readonly PropertyKey[]): string => {
    const key = path.filter((part) => typeof part !== "number").join(".");
    if (isOverridden(path)) return `command line: ${key}`;
    const line = lineOf(path);
    return `${file}${line === undefined ? "" : `:${line}`}${key === "" ? "" : `: ${key}`}`;
  };
  return parse(applyOverrides(content, overrides), origin);
}
