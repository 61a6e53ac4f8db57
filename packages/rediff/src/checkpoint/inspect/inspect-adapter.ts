/** An adapter's folder as `rediff inspect` shows it: of which base, how strong, which modules; and whether base and adapter
 *  are there, whole, and fit each other. */
import { statSync } from "node:fs";
import { basename } from "node:path";
import { readSafetensorsHeader, SafetensorsError } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { type AdapterConfig, readAdapterConfig } from "../adapter/adapter-config.js";
import {
  type AdapterLayout,
  adapterFiles,
  adapterLayout,
  assertFits,
  incompleteText,
  missingTargets,
} from "../adapter/adapter-layout.js";
import { assertMergeable, loadPartsConfig, locateModel } from "../adapter/locate-model.js";
import { mistakenWeights } from "../mistaken-weights.js";
import { modelShapes } from "../tensor-names.js";
import { Findings } from "./findings.js";
import { type AdapterSummary, countTensors, type Inspection, type ListedTensor, NOTHING } from "./inspection.js";

/** @param inspectModel for the base */
export async function inspectAdapter(
  folder: string,
  base: string | undefined,
  inspectModel: (folder: string) => Promise<Inspection>,
): Promise<Inspection> {
  const found = new Findings();
  const config = await found.attemptAsync(() => readAdapterConfig(folder));
  const parts = config && (await found.attemptAsync(() => locateModel(folder, { base })));
  const of = parts && (await inspectModel(parts.weights));
  for (const problem of of?.problems ?? []) found.problems.push(`its base: ${problem}`);
  const paths = found.attempt(() => adapterFiles(folder)) ?? [];
  const tensors = paths.flatMap((path) => (path.endsWith(".bin") ? [] : (found.attempt(() => listed(path)) ?? [])));
  const unknown = paths.filter((path) => path.endsWith(".bin")).map((path) => basename(path));
  if (unknown.length > 0) found.notes.push(`${unknown.join(", ")}: looked into when the model is loaded`);

  const layout =
    config && unknown.length === 0 && tensors.length > 0
      ? found.attempt(() => adapterLayout(folder, config, new Map(tensors.map(({ name, shape }) => [name, shape]))))
      : undefined;
  const adapted = parts && (await found.attemptAsync(() => loadPartsConfig(parts)));
  if (parts && adapted) found.attempt(() => assertMergeable(parts, adapted.quantization, "Name another base."));
  if (config && layout && adapted) {
    found.attempt(() => assertFits(folder, layout, modelShapes(adapted)));
    const incomplete = incompleteText(folder, missingTargets(config, layout, modelShapes(adapted)));
    if (incomplete !== undefined) found.notes.push(incomplete);
  }
  return {
    folder,
    kind: "adapter",
    ...(config && { adapter: summary(config, parts?.weights, layout) }),
    problems: found.problems,
    notes: found.notes,
    ...countTensors(tensors),
    files: paths.map((path) => ({ name: basename(path), bytes: statSync(path).size })),
    bytes: paths.reduce((sum, path) => sum + statSync(path).size, 0),
    config: adapted,
    vision: adapted?.multimodal?.vision,
    picture: of?.picture,
    tokenizer: of?.tokenizer,
    memory: of?.memory ?? {},
    tensors,
    comparison: NOTHING,
  };
}

function listed(path: string): ListedTensor[] {
  try {
    return [...readSafetensorsHeader(path).tensors].map(([name, { dtype, shape }]) => ({
      name,
      dtype,
      shape,
      file: basename(path),
    }));
  } catch (error) {
    throw error instanceof SafetensorsError ? (mistakenWeights(path) ?? new UserError(error.message)) : error;
  }
}

function summary(config: AdapterConfig, baseFolder: string | undefined, layout?: AdapterLayout): AdapterSummary {
  const modules: Record<string, number> = {};
  for (const weight of layout?.pairs.keys() ?? []) {
    const module = weight.split(".").at(-2) ?? weight;
    modules[module] = (modules[module] ?? 0) + 1;
  }
  const { base, rank, alpha, rslora } = config;
  return { base, baseFolder, rank, alpha, rslora, modules, replaced: [...(layout?.whole.keys() ?? [])] };
}
