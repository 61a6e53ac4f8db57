/** Adapters as PEFT's `save_pretrained` leaves them, for tests: adapter_config.json and adapter_model.safetensors. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Generator, randn, saveSafetensors, scope, type Tensor } from "@rediff/torch";

export interface PeftAdapterOptions {
  /** base_model_name_or_path. */
  base?: string | null;
  /** Names in the base, without `.weight`, and the shape [outputs, inputs] of each. */
  modules: Record<string, [outputs: number, inputs: number]>;
  rank?: number;
  /** Where it is another one. */
  ranks?: Record<string, number>;
  alpha?: number;
  /** What stands between lora_A and .weight in older files: "default". */
  adapterName?: string;
  seed?: number;
  /** Further tensors under their full names in the file. */
  tensors?: Record<string, Tensor>;
  /** Written into adapter_config.json last; undefined removes a key. */
  config?: Record<string, unknown>;
}

/** Writes an adapter of normally distributed A and B into `folder`, which is made, and returns `folder`. */
export function writePeftAdapter(folder: string, options: PeftAdapterOptions): string {
  const { base = null, modules, rank = 2, ranks = {}, alpha = 4, adapterName, seed = 5, tensors = {} } = options;
  mkdirSync(folder, { recursive: true });
  using generator = new Generator(seed);
  scope(() => {
    const infix = adapterName === undefined ? "" : `.${adapterName}`;
    const pairs = Object.entries(modules).flatMap(([module, [outputs, inputs]]): [string, Tensor][] => {
      const r = ranks[module] ?? rank;
      const name = (kind: string) => `base_model.model.${module}.lora_${kind}${infix}.weight`;
      return [
        [name("A"), randn([r, inputs], generator).mul(0.3)],
        [name("B"), randn([outputs, r], generator).mul(0.3)],
      ];
    });
    saveSafetensors(join(folder, "adapter_model.safetensors"), [...pairs, ...Object.entries(tensors)]);
  });
  const config = {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: base,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: alpha,
    lora_dropout: 0.05,
    megatron_config: null,
    megatron_core: "megatron.core",
    modules_to_save: null,
    peft_type: "LORA",
    r: rank,
    rank_pattern: {},
    revision: null,
    target_modules: Object.keys(modules),
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: false,
    ...options.config,
  };
  writeFileSync(join(folder, "adapter_config.json"), JSON.stringify(config, null, 2));
  return folder;
}
