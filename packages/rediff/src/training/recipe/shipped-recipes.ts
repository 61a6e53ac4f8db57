/** The recipes that come with the package: every stage of LLaDA-V and ReDiff, and the embedded model's. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../errors.js";

/** In a published package, and in the repository. */
const places = ["../../../recipes", "../../../../../recipes"];

export interface ShippedRecipe {
  /** `rediff/stage1`: its path in the folder, without the ending. */
  name: string;
  file: string;
  /** Its first sentence. */
  about: string;
}

/** @throws UserError where the package came without them */
export function shippedRecipes(): ShippedRecipe[] {
  const folder = places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((path) => existsSync(join(path, "first.yaml")));
  if (folder === undefined) throw new UserError("this copy of rediff came without recipes", "Install it again.");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".yaml"))
    .map((path) => path.split(sep).join("/"))
    .sort()
    .map((path) => {
      const file = join(folder, path);
      return { name: path.slice(0, -".yaml".length), file, about: firstSentence(readFileSync(file, "utf8")) };
    });
}

/** Other recipes that a recipe names, as ReDiff's loop names that of its rounds. */
export function namedRecipes(text: string, all: readonly ShippedRecipe[]): ShippedRecipe[] {
  const paths = [...text.matchAll(/^\s*recipe:\s*(\S+)/gm)].map(([, path]) => path);
  return all.filter(({ name }) => paths.includes(`recipes/${name}.yaml`));
}

/** Of the comment that a recipe begins with. */
function firstSentence(text: string): string {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("#"));
  const comment = lines
    .slice(0, end < 0 ? undefined : end)
    .map((line) => line.replace(/^#\s?/, ""))
    .join(" ");
  return /^.*?[.:](?=\s|$)/.exec(comment)?.[0].replace(/:$/, ".") ?? comment.trim();
}
