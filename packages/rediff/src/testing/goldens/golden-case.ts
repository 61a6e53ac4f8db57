/** Golden cases: what the reference did, read from a folder of recorded inputs and outputs.
 *
 *      FOLDER/manifest.json             which cases there are and which function of the reference each is about
 *      FOLDER/<group>/<name>/case.json  inputs, outputs, tolerance; tensors.safetensors beside it where there are any
 *      FOLDER/<group>/manifest.json     cases of a group that has a list of its own; its paths begin at FOLDER/<group>
 *      FOLDER/images/                   pictures that inputs name
 *      FOLDER/../<checkpoint>/          model folders that cases name
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Device } from "@rediff/torch";
import { z } from "zod";
import { UserError } from "../../errors.js";
import type { RecipeKeys } from "../../training/recipe/recipe.js";
import { type GoldenTensor, readGoldenTensors } from "./safetensors-reader.js";

export type { GoldenData, GoldenTensor } from "./safetensors-reader.js";

export interface GoldenCase {
  id: string;
  group: string;
  /** One sentence for people. */
  what: string;
  /** The function of the reference that made the outputs; the runner chooses the adapter by it. */
  referenceFunction: string;
  /** Absolute folder of the model, "" when the case needs none. */
  checkpoint: string;
  /** Absolute folder given to the runner; paths in inputs (images/x.png) are relative to it. */
  root: string;
  /** Absolute folder of case.json. */
  dir: string;
  tolerance: Record<string, unknown>;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  /** The whole case.json, for keys that only some groups have (`margins`). */
  raw: Record<string, unknown>;
  /** Reads tensors.safetensors, at every call; an empty map when the case has none. */
  tensors(): Map<string, GoldenTensor>;
}

/** Where the cases that have a model are computed; optimizer steps on so many ranks, and what these divide. */
export const computing: { device: Device; ranks: number; sharding: RecipeKeys["sharding"] } = {
  device: "cpu",
  ranks: 1,
  sharding: "none",
};

/** Multiples of a case's tolerances that differences of rounding may take: 1 where the reference's own kernels run. */
export const judging = { leeway: 1 };

/** `deviation` is the largest absolute difference seen, in the unit of what was compared; 0 when equal, NaN when
 *  nothing was compared, Infinity when there was nothing to subtract (a length, a text). */
export type Outcome = { status: "passed" | "failed" | "skipped"; deviation: number; note?: string };

/** What the runner asks of an adapter module. A crash counts as a failed case. */
export type Adapter = { run(goldenCase: GoldenCase): Promise<Outcome> };

/** A case as listed, before its file is read. `dir` is absolute. */
export type CaseListing = { id: string; dir: string; referenceFunction?: string };

const keyed = z.record(z.string(), z.unknown());

const manifestSchema = z.looseObject({
  cases: z.array(
    z.looseObject({
      id: z.string(),
      reference_function: z.string().optional(),
      files: z.looseObject({ case: z.string() }).optional(),
    }),
  ),
});

const caseSchema = z.looseObject({
  id: z.string(),
  group: z.string(),
  what: z.string().default(""),
  reference_function: z.string().default(""),
  checkpoint: z.string().nullish(),
  tolerance: keyed.nullish(),
  inputs: keyed.default({}),
  outputs: keyed.default({}),
});

/** The cases under `root` in the manifest's order, then those of groups with a manifest of their own; or, without a
 *  manifest, every folder that holds a case.json. */
export function listCases(root: string): CaseListing[] {
  if (!existsSync(join(root, "manifest.json"))) return walk(root);
  const groups = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, "manifest.json")))
    .map(({ name }) => join(root, name))
    .sort();
  return [root, ...groups].flatMap(listed);
}

function listed(root: string): CaseListing[] {
  const manifestPath = join(root, "manifest.json");
  const manifest = parseJson(manifestPath, manifestSchema);
  return manifest.cases.map((entry) => {
    // "<split>/<group>/<name>": the folder is known even where the manifest lists no files.
    const path = entry.files?.case ?? join(...entry.id.split("/").slice(-2), "case.json");
    const listing: CaseListing = { id: entry.id, dir: dirname(resolve(root, path)) };
    return entry.reference_function === undefined
      ? listing
      : { ...listing, referenceFunction: entry.reference_function };
  });
}

/** Reads one case; throws a UserError when its file is missing or not a case. */
export function loadCase(root: string, listing: CaseListing): GoldenCase {
  const parsed = parseJson(join(listing.dir, "case.json"), caseSchema);
  return {
    id: listing.id,
    group: parsed.group,
    what: parsed.what,
    referenceFunction: listing.referenceFunction ?? parsed.reference_function,
    checkpoint: parsed.checkpoint ? resolve(root, "..", parsed.checkpoint) : "",
    root: resolve(root),
    dir: listing.dir,
    tolerance: parsed.tolerance ?? {},
    inputs: parsed.inputs,
    outputs: parsed.outputs,
    raw: parsed,
    tensors: () => {
      const path = join(listing.dir, "tensors.safetensors");
      return existsSync(path) ? readGoldenTensors(path) : new Map();
    },
  };
}

function walk(root: string): CaseListing[] {
  if (!existsSync(root)) throw new UserError(`${root}: no such folder`, "Give the folder that holds manifest.json");
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => basename(path) === "case.json")
    .sort()
    .map((path) => ({ id: dirname(path).replaceAll("\\", "/"), dir: dirname(resolve(root, path)) }));
}

function parseJson<Schema extends z.ZodType>(path: string, schema: Schema): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`${path}: cannot be read as JSON (${why})`, undefined, { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(`${path}: ${issue?.path.join(".") || "top level"}: ${issue?.message ?? "unexpected content"}`);
}
