/** The model that comes with the package: small, trained from scratch on the scene world by the recipes in recipes/demo.
 *  It is what commands use where no model is named. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { UserError } from "./errors.js";

/** The environment's word on which model is meant where none is named. */
export const MODEL_VARIABLE = "REDIFF_MODEL";

/** In a published package, and in the repository. */
const places = ["../models/demo", "../../../models/demo"];

/** @throws UserError where the package came without it */
export function embeddedModelFolder(): string {
  const folder = found(places);
  if (folder !== undefined) return folder;
  throw new UserError(
    "no model was given, and this copy has no embedded one",
    "Use --model FOLDER, or --model ORG/NAME after `rediff pull ORG/NAME`.",
  );
}

/** What the embedded model came from: trained with LLaDA-V's objective alone. Undefined where the package came without. */
export function embeddedBaselineFolder(): string | undefined {
  return found(["../models/demo-stages/llada_v", "../../../models/demo-stages/llada_v"]);
}

function found(folders: readonly string[]): string | undefined {
  return folders
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((folder) => existsSync(`${folder}/config.json`));
}

export const EMBEDDED_NOTE =
  "no --model: the embedded model answers. It knows scenes of stickers (rediff scenes) only; photographs need --model.";
