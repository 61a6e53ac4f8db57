/** An adapter and its base written as one model, for programs that know no adapters and for those who hand it on. */
import { scope, type TensorSource } from "@rediff/torch";
import { option, UserError, wording } from "../../errors.js";
import { assertText, optionSet, text } from "../../options/option-set.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { AdapterTensors, adaptedTensor } from "../adapter/adapter-tensors.js";
import { assertMergeable, loadPartsConfig, locateModel, readVisionConfig } from "../adapter/locate-model.js";
import { modelShapes, TOWER_PREFIX } from "../tensor-names.js";
import { assertTensors, compareTensors, openCheckpoint, storedName } from "../weights.js";
import { renamedConfig } from "./converted-config.js";
import { type Conversion, type ConvertOptions, convertTypes, mainDtype, writeModel } from "./rename-llada.js";

export interface MergeOptions extends ConvertOptions {
  /** In place of the base that the adapter names. */
  base?: string | undefined;
}

const checkMerge = optionSet<MergeOptions>({ ...convertTypes, base: text });

/** Writes the model that `source`, an adapter's folder, and its base are together: each weight in the dtype that the base
 *  stores it in, rounded once, in the renamed layout. What is not corrected is copied to the bit.
 *  @throws UserError when `source` is no adapter, when its base is not found or does not fit, when `output` is in use */
export async function mergeAdapter(source: string, output: string, options: MergeOptions = {}): Promise<Conversion> {
  checkMerge(options);
  assertText("the folder to read", source);
  assertText("the folder to write", output);
  const parts = await locateModel(source, { base: options.base });
  if (parts.adapters.length === 0)
    throw new UserError(`${source} is no adapter: it has no adapter_config.json`, "Name the folder of an adapter.");
  const config = await loadPartsConfig(parts);
  const asBase = wording`Name the model that it was made of with ${option("base")}, and round the result.`;
  assertMergeable(parts, config.quantization, asBase);
  const tokenizer = await loadTokenizer(parts.tokenizer);
  const adapters: AdapterTensors[] = [];
  try {
    for (const folder of parts.adapters) adapters.push(await AdapterTensors.open(folder));
    using checkpoint = openCheckpoint(parts.weights);
    const shapes = modelShapes(config);
    for (const adapter of adapters) adapter.assertFits(shapes);
    const replaced = (name: string) => adapters.some((adapter) => adapter.replacements.has(name));
    // A base may leave its tower to the folder that config.json names; so does what is written then.
    const isTower = (name: string) => name.startsWith(TOWER_PREFIX);
    const hasTower = [...shapes.keys()].some((name) => isTower(name) && (checkpoint.has(name) || replaced(name)));
    const names = [...shapes.keys()].filter((name) => hasTower || !isTower(name));
    const own = new Map([...shapes].filter(([name]) => names.includes(name) && !replaced(name)));
    assertTensors(parts.weights, { ...compareTensors(checkpoint, own), unexpected: [] });

    const usual = mainDtype(checkpoint);
    const tensors = names.map((name): TensorSource => {
      const stored = storedName(checkpoint, name);
      const base = stored === undefined ? undefined : () => checkpoint.get(stored);
      const dtype = stored === undefined ? usual : checkpoint.info(stored).dtype;
      const place = { dtype, device: "cpu" } as const;
      const isChanged = adapters.some((adapter) => adapter.changes(name));
      return {
        name,
        dtype,
        shape: shapes.get(name) ?? [],
        tensor: () => scope(() => (isChanged || !base ? adaptedTensor(adapters, name, base, place) : base())),
      };
    });
    const raw = "d_model" in config.raw ? renamedConfig(config.raw, config.llada, usual, tokenizer) : config.raw;
    const vision = await readVisionConfig(parts);
    const written = await writeModel(output, {
      options,
      sources: [parts.weights, ...parts.adapters],
      tensors,
      config: vision === undefined ? raw : { vision_config: vision, ...raw },
      carryFrom: parts.tokenizer,
    });
    const notes =
      hasTower || !config.multimodal ? [] : [`no vision weights: they stay in ${config.multimodal.visionTower}`];
    return { ...written, notes: [`${parts.adapters.join(", ")} merged into ${parts.weights}`, ...notes] };
  } finally {
    for (const adapter of adapters) adapter[Symbol.dispose]();
  }
}
