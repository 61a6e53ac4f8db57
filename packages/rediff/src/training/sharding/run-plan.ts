/** What a training takes of each of N processes, from shapes alone: bytes that stay, bytes that come and go, bytes that are
 *  sent in a step, and operations. What is divided how is exchange.ts' and full-exchange.ts'.
 *
 *  Of activations only what is known beforehand is counted: the inputs of all blocks and one block's recording, of the
 *  micro-batches that are under way together. */
import { BLOCK_NAMES, modelShapes, NEWLINE } from "../../checkpoint/tensor-names.js";
import type { ModelConfig } from "../../models/llava/llava.js";
import { LORA_TARGETS } from "../backward/lora.js";
import type { RecipeKeys } from "../recipe/recipe.js";

export type PlanKeys = Pick<
  RecipeKeys,
  | "sharding"
  | "dtype"
  | "lora"
  | "mm_tunable_parts"
  | "master_weights"
  | "ema"
  | "checkpointing"
  | "offload"
  | "batch_size"
  | "gradient_accumulation_steps"
>;

export interface RunPlan {
  /** Of all, and those that are trained, adapters included. */
  parameters: number;
  trained: number;
  /** Bytes in each process between two steps. */
  weights: number;
  gradients: number;
  /** Moments, float32 copies and the average; on the host where the recipe says `offload`. */
  state: number;
  /** Bytes at work: units that are gathered, the gradients of one. 0 where nothing is divided but state. */
  units: number;
  /** An estimate. */
  activations: number;
  /** Bytes that each process sends in a step. */
  sent: number;
  /** Floating-point operations of each process in a step, recomputation included. */
  operations: number;
}

/** Tensors that are needed together. */
interface Unit {
  kind: "vision" | "table" | "block" | "last" | "head";
  all: number;
  trained: number;
}

const WIDTHS = { float64: 8, float32: 4, bfloat16: 2, float16: 2 } as const;

/** @param tokens of a sample, pictures included */
export function planRun(config: ModelConfig, keys: PlanKeys, processes: number, tokens: number): RunPlan {
  const { sharding, dtype = "float32", lora, ema, checkpointing } = keys;
  const width = WIDTHS[dtype as keyof typeof WIDTHS] ?? 4;
  const { hiddenSize, intermediateSize, layers, vocabSize } = config.llada;
  const units = unitsOf(config, keys);
  const total = (which: "all" | "trained", some: readonly Unit[] = units) =>
    some.reduce((sum, unit) => sum + unit[which], 0);
  const [parameters, trained] = [total("all"), total("trained")];
  const table = units.find(({ kind }) => kind === "table");
  const micro = tokens * keys.batch_size;
  // The table's gradient has the rows that were read; as many as there are tokens, at most.
  const tableRows = table !== undefined && table.trained > 0 ? Math.min(vocabSize, micro) * hiddenSize : 0;
  const dense = trained - (table?.trained ?? 0);
  const together = sharding === "full" ? keys.gradient_accumulation_steps : 1;

  const part = (divided: boolean) => (divided ? 1 / processes : 1);
  const copies = width < 4 && keys.master_weights ? 4 : 0;
  const statePerElement = (width === 8 ? 16 : 8) + copies + (ema === undefined ? 0 : 4);
  const gradient = width === 8 ? 8 : 4;
  const isDivided = processes > 1;
  const largest = (which: "all" | "trained") => Math.max(...units.map((unit) => unit[which]));
  const block = Math.max(...units.filter(({ kind }) => kind === "block").map(({ all }) => all), 0);
  const inputs =
    checkpointing === "blocks" ? layers * hiddenSize : layers * recordedWidth(hiddenSize, intermediateSize);

  const share = (processes - 1) / processes;
  const rows = 2 * share * tableRows * gradient;
  // Gathered on the way back: what is differentiated, but for what is kept from the way forth.
  const lowest = units.findIndex((unit) => unit.trained > 0 && unit.kind !== "head");
  const again = units.filter(({ kind, trained: own }, i) => {
    if (checkpointing === "none" || lowest < 0) return false;
    return kind === "block" ? i >= lowest : kind === "vision" && own > 0;
  });
  const sent = !isDivided
    ? 0
    : {
        none: 2 * share * dense * gradient + rows,
        optimizer: share * dense * gradient + rows + share * trained * width,
        full: share * dense * gradient + rows + share * (parameters + total("all", again)) * width,
      }[sharding];

  const language =
    parameters -
    total(
      "all",
      units.filter(({ kind }) => kind === "vision" || kind === "table"),
    );
  const passes = checkpointing === "blocks" ? 3 : 2; // forth, again, and back to the inputs
  const samples = keys.batch_size * keys.gradient_accumulation_steps;
  return {
    parameters,
    trained,
    weights: parameters * width * part(isDivided && sharding === "full"),
    gradients: (dense * part(isDivided && sharding === "full") + tableRows) * gradient,
    state: trained * statePerElement * part(isDivided && sharding !== "none"),
    units: isDivided && sharding === "full" ? (largest("all") + block) * width + 2 * largest("trained") * gradient : 0,
    activations: micro * width * (together * inputs + recordedWidth(hiddenSize, intermediateSize)),
    sent,
    operations: samples * tokens * 2 * (passes * language + (lora === undefined ? dense : 0)),
  };
}

/** Elements that a block's recording keeps for a token: norms, queries, keys, values, heads, sums; gate, up, product. */
const recordedWidth = (hiddenSize: number, intermediateSize: number): number => 8 * hiddenSize + 4 * intermediateSize;

function unitsOf(config: ModelConfig, { lora, mm_tunable_parts: parts }: PlanKeys): Unit[] {
  const last = config.llada.layers - 1;
  const units = new Map<string, Unit>();
  const linear = new Set<string>(Object.values(BLOCK_NAMES).filter((name) => !name.includes("norm")));
  const targets: readonly string[] =
    lora === undefined ? [] : lora.targets === "all-linear" ? LORA_TARGETS : lora.targets;
  for (const [name, shape] of modelShapes(config)) {
    const elements = shape.reduce((product, size) => product * size, 1);
    const layer = /^model\.layers\.(\d+)\.(.+)\.weight$/.exec(name);
    const kind = kindOf(name, layer?.[1] === undefined ? undefined : Number(layer[1]), last);
    const key = kind === "block" ? `block ${layer?.[1]}` : kind;
    const unit = units.get(key) ?? { kind, all: 0, trained: 0 };
    units.set(key, unit);
    unit.all += elements;
    const isLanguage = kind !== "vision" || name === NEWLINE;
    const part = isLanguage
      ? "mm_language_model"
      : name.includes("mm_projector")
        ? "mm_mlp_adapter"
        : "mm_vision_tower";
    if (parts.includes(part) && !(isLanguage && lora !== undefined)) unit.trained += elements;
    const target = layer?.[2] ?? "";
    if (lora === undefined || !linear.has(target) || !targets.includes(target.split(".").at(-1) ?? "")) continue;
    const adapter = lora.rank * shape.reduce((sum, size) => sum + size, 0);
    unit.all += adapter;
    unit.trained += adapter;
  }
  const order = ["vision", "table", "block", "last", "head"];
  return [...units.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

function kindOf(name: string, layer: number | undefined, last: number): Unit["kind"] {
  if (layer !== undefined) return layer === last ? "last" : "block";
  if (name === "model.norm.weight") return "last";
  if (name === "model.embed_tokens.weight") return "table";
  return name === "lm_head.weight" ? "head" : "vision";
}
