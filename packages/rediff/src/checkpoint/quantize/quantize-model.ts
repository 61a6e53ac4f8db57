/** A model written with weights of 8 or 4 bits: the linear layers of its blocks are rounded, tensor by tensor, and all
 *  else is copied to the bit. Memory holds one tensor and its rounded form at a time. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { detachFromScope, scope, type Tensor, type TensorSource } from "@rediff/torch";
import { z } from "zod";
import { option, UserError, wording } from "../../errors.js";
import {
  type Quantization,
  type QuantizationScheme,
  quantizations,
  type RoundedWeight,
} from "../../models/quantization.js";
import { assertText, optionSet } from "../../options/option-set.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { loadPartsConfig, locateModel, readVisionConfig } from "../adapter/locate-model.js";
import { assertLlada, renamedConfig } from "../convert/converted-config.js";
import { type Conversion, type ConvertOptions, convertTypes, mainDtype, writeModel } from "../convert/rename-llada.js";
import { countParameters } from "../memory.js";
import { modelShapes, TOWER_PREFIX } from "../tensor-names.js";
import { assertTensors, type Checkpoint, compareTensors, openCheckpoint, storedName } from "../weights.js";
import { partsOf, roundWeight } from "./rounded-weight.js";
import { formatOf, quantizationConfig, quantizedGroups, schemeFor, storedEntries } from "./stored-format.js";

export interface QuantizeOptions extends ConvertOptions {
  weights: Quantization;
  /** Inputs that share a scale: 32, 64 or 128 (default). Fewer are more exact and take more room. Not with float8. */
  group?: QuantizationScheme["group"] | undefined;
  /** Whether the head is rounded too, to int8; default true, and never with float8. */
  head?: boolean | undefined;
}

const checkQuantize = optionSet<QuantizeOptions>(
  {
    ...convertTypes,
    weights: z.enum(quantizations),
    group: z.union(quantizedGroups.map((group) => z.literal(group))),
    head: z.boolean(),
  },
  ["weights"],
);

/** Writes `source` as `output` with rounded weights, whatever its naming, in the renamed layout.
 *  @throws UserError for options that the format has not, when `source` is an adapter or is rounded already, when a tensor is missing or misshapen, when
 *  `output` is in use */
export async function quantizeModel(source: string, output: string, options: QuantizeOptions): Promise<Conversion> {
  checkQuantize(options);
  assertText("the folder to read", source);
  assertText("the folder to write", output);
  assertOptions(options);
  const scheme = schemeFor(options.weights, options);
  const parts = await locateModel(source);
  if (parts.adapters.length > 0)
    throw new UserError(
      `${source} is an adapter, whose corrections are not rounded by themselves`,
      "Merge it into its base first (`rediff convert --merge`), and convert the result.",
    );
  const config = await loadPartsConfig(parts);
  if (config.quantization !== undefined)
    throw new UserError(
      `${source} has weights in ${config.quantization.weights} already`,
      "Convert the model that it was made of: rounding twice adds up.",
    );
  assertLlada(join(source, "config.json"), config.raw);
  const tokenizer = existsSync(join(source, "tokenizer.json")) ? await loadTokenizer(source) : undefined;
  using checkpoint = openCheckpoint(source);
  const all = modelShapes(config);
  // A model may leave its tower to the folder that config.json names; so does what is written then.
  const hasTower = [...all.keys()].some((name) => name.startsWith(TOWER_PREFIX) && checkpoint.has(name));
  const shapes = new Map([...all].filter(([name]) => hasTower || !name.startsWith(TOWER_PREFIX)));
  assertTensors(source, compareTensors(checkpoint, shapes));

  const { layers } = config.llada;
  const usual = mainDtype(checkpoint);
  using rounding = new Rounding(checkpoint, scheme, layers);
  const tensors = storedEntries(shapes, scheme, layers).map(({ name, of, shape, dtype }): TensorSource => {
    const stored = storedName(checkpoint, of) ?? of;
    if (dtype === undefined)
      return { name, dtype: checkpoint.info(stored).dtype, shape, tensor: () => checkpoint.get(stored) };
    const part = name.endsWith(".scales") ? "scales" : "packed";
    return { name, dtype, shape, tensor: () => rounding.take(of, part) };
  });
  const raw = "d_model" in config.raw ? renamedConfig(config.raw, config.llada, usual, tokenizer) : config.raw;
  const vision = await readVisionConfig(parts);
  const written = await writeModel(output, {
    options,
    sources: [source],
    tensors,
    config: {
      ...(vision === undefined ? {} : { vision_config: vision }),
      ...raw,
      quantization_config: quantizationConfig(scheme),
    },
    carryFrom: source,
  });
  const notes = [
    `the blocks' linear layers are ${options.weights}${scheme.head ? ", the head int8" : ""}: answers are approximate`,
    ...(tokenizer === undefined ? [`${source} has no tokenizer; ${output} needs one before it can be used`] : []),
    ...(hasTower || !config.multimodal ? [] : [`no vision weights: they stay in ${config.multimodal.visionTower}`]),
  ];
  return { ...written, parameters: countParameters(shapes), notes };
}

function assertOptions({ weights, group, head }: QuantizeOptions): void {
  if (weights !== "float8") return;
  if (group !== undefined)
    throw new UserError(
      "float8 has one scale for each output, and no groups",
      wording`Leave ${option("groupSize")} out, or round to int8 or int4.`,
    );
  if (head) throw new UserError("with float8 the head stays as it is", "Leave `head` out, or round to int8 or int4.");
}

/** Rounds each weight once for its two tensors, which are written one after the other. */
class Rounding implements Disposable {
  #last: { of: string; weight: RoundedWeight } | undefined;

  readonly #checkpoint: Checkpoint;
  readonly #scheme: QuantizationScheme;
  readonly #layers: number;

  constructor(checkpoint: Checkpoint, scheme: QuantizationScheme, layers: number) {
    this.#checkpoint = checkpoint;
    this.#scheme = scheme;
    this.#layers = layers;
  }

  /** The caller's own: the writer frees what it is given. */
  take(of: string, part: "packed" | "scales"): Tensor {
    if (this.#last?.of !== of) this.#round(of);
    const weight = this.#last?.weight as RoundedWeight;
    return weight[part].detach();
  }

  #round(of: string): void {
    this[Symbol.dispose]();
    const format = formatOf(of, this.#scheme, this.#layers) as Quantization;
    const weight = scope(() => {
      const stored = this.#checkpoint.read(storedName(this.#checkpoint, of) ?? of);
      const rounded = roundWeight(format, stored, this.#scheme.group);
      for (const tensor of partsOf(rounded)) detachFromScope(tensor);
      return rounded;
    });
    this.#last = { of, weight };
  }

  [Symbol.dispose](): void {
    this.#last?.weight[Symbol.dispose]();
    this.#last = undefined;
  }
}
