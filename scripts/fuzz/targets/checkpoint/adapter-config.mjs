// @ts-check

import { parseAdapterConfig } from "../../../../packages/rediff/dist/checkpoint/adapter/adapter-config.js";
import { parseShallowJson } from "../../../../packages/rediff/dist/options/shallow-json.js";
import { json, textOf } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const config = { peft_type: "LORA", base_model_name_or_path: "org/base", r: 8, lora_alpha: 16, bias: "none" };

/** adapter_config.json of PEFT, with its patterns. */
export default defineTarget({
  covers: ["adapter/adapter-config.js", "adapter/stranger-pattern.js"],
  seeds: [
    json({ ...config, target_modules: ["q_proj", "v_proj"], use_rslora: true }),
    json({ ...config, target_modules: ".*\\.(q|k)_proj", rank_pattern: { "layers\\.\\d+\\.q_proj": 4 } }),
    json({ ...config, alpha_pattern: { "a+b": 2 }, modules_to_save: ["lm_head"] }),
  ],
  dictionary: ['"r":', '"rank_pattern":', '"LORA"', "(.*)", "+)", "\\\\", "null", "-1", "1e400", '"__proto__":'],
  refusals: [SyntaxError],
  run(input) {
    const adapter = parseAdapterConfig(parseShallowJson(textOf(input)), "adapter_config.json");
    for (const module of ["model.layers.11.self_attn.q_proj", "a".repeat(60)]) adapter.strength(module);
  },
});
