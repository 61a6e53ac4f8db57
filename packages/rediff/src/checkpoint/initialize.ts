/** A model with random weights, for training from the very beginning: a config in, a model folder out.
 *
 *  Linear weights are normal with deviation 1 / sqrt(inputs), those that write into the residual stream smaller by
 *  sqrt(2 * layers), so that every layer of an untrained model passes on about what it got. Norms begin at 1, biases at
 *  0. Embeddings are as large as `EMBEDDING` says: what the first layers add must not drown which word it is.
 *
 *  A patch's position is the sum of a vector for its row and one for its column, as large as what the patch shows. With
 *  small positions a tower that learns what things are forgets where they are: 2 % of its output's variance was left to
 *  positions, and a language model on top of it did not learn to bind a name to a place. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type DType, Generator, ones, randn, saveCheckpoint, scope, type Tensor, zeros } from "@rediff/torch";
import { roomError } from "../files/write-errors.js";
import { parseConfig } from "./config.js";
import { writeJson } from "./model-folder.js";
import { modelShapes } from "./tensor-names.js";

const EMBEDDING = 0.5;
/** Of the vectors of rows and columns of patches. */
const POSITION = 0.5;

/** Deviation of a weight, or what else it is. */
function initialOf(name: string, shape: readonly number[], layers: { language: number; vision: number }) {
  if (name.endsWith(".bias")) return 0;
  if (shape.length === 1) return name.endsWith("image_newline") ? 1 / Math.sqrt(shape[0] ?? 1) : "ones";
  if (name.includes("position_embedding")) return "positions";
  if (name.includes("embed_tokens")) return EMBEDDING;
  const inputs = shape.slice(1).reduce((product, size) => product * size, 1);
  const depth = name.includes("vision_tower") ? layers.vision : layers.language;
  const writesToStream = /(o_proj|down_proj|out_proj|fc2)\.weight$/.test(name);
  return 1 / Math.sqrt(inputs) / (writesToStream ? Math.sqrt(2 * depth) : 1);
}

/** Writes weights and config.json into `folder`, which is made; the tokenizer's files are the caller's.
 *  @throws UserError when the config is none of a LLaDA or LLaDA-V */
export async function initializeModel(
  folder: string,
  raw: Record<string, unknown>,
  options: { seed: number; dtype?: DType },
): Promise<void> {
  const config = parseConfig(raw, undefined, join(folder, "config.json"));
  const { dtype = "float32" } = options;
  const layers = { language: config.llada.layers, vision: (config.multimodal?.vision.layers ?? 2) - 1 };
  mkdirSync(folder, { recursive: true });
  using generator = new Generator(options.seed);
  const sources = [...modelShapes(config)].map(([name, shape]) => {
    const make = (): Tensor => {
      const initial = initialOf(name, shape, layers);
      if (initial === "ones") return ones(shape, { dtype });
      if (initial === "positions") return gridPositions(shape, generator).to({ dtype });
      if (initial === 0) return zeros(shape, { dtype });
      return randn(shape, generator).mul(initial).to({ dtype });
    };
    return { name, dtype, shape, tensor: () => scope(make) };
  });
  try {
    saveCheckpoint(folder, sources);
    await writeJson(join(folder, "config.json"), { ...raw, torch_dtype: dtype });
  } catch (cause) {
    throw roomError(folder, cause);
  }
}

/** [N, D] for N patches in a square, row by row. */
function gridPositions([patches = 0, width = 0]: readonly number[], generator: Generator): Tensor {
  const side = Math.round(Math.sqrt(patches));
  if (side * side !== patches) return randn([patches, width], generator).mul(POSITION);
  const rows = randn([side, 1, width], generator);
  const columns = randn([1, side, width], generator);
  return rows.add(columns).mul(POSITION).reshape([patches, width]);
}
