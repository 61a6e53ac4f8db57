/** What adapter_config.json claims: ranks, patterns. */
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { isTarget, parseAdapterConfig } from "./adapter-config.js";
import { adapterLayout } from "./adapter-layout.js";

const raw = { peft_type: "LORA", r: 8, lora_alpha: 16, target_modules: ["q_proj"] };
const module = "model.layers.0.self_attn.q_proj";
const shapes = new Map([
  [`base_model.model.${module}.lora_A.weight`, [8, 64]],
  [`base_model.model.${module}.lora_B.weight`, [64, 8]],
]);
/** Each more of these letters doubles the time. */
const slow = `${"(.*a)*".repeat(2)}(a|aa)+(a+)+b`;

const outcome = (change: object): string => {
  try {
    adapterLayout("folder", parseAdapterConfig({ ...raw, ...change }, "folder/adapter_config.json"), shapes);
    return "fits";
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
};

describe("what an adapter's configuration claims is compared with its tensors", () => {
  test.each([
    ["a rank of a thousand million", { r: 1e9 }, /lora_A \[8, 64\] .* says rank 1000000000/],
    ["a rank of 0", { r: 0 }, /r: /],
    ["half a rank", { r: 1.5 }, /r: /],
    ["a rank beyond 2^53", { r: 2 ** 60 }, /r: /],
    ["a rank of its own below 0", { rank_pattern: { q_proj: -1 } }, /says rank -1/],
    ["a pattern that is none", { rank_pattern: { "(": 8 } }, /rank_pattern has "\(", which is no pattern/],
    [
      "a pattern of a megabyte",
      { alpha_pattern: { ["x".repeat(1 << 20)]: 8 } },
      /alpha_pattern has "x{100}", which is no pattern/,
    ],
  ])("%s", (_, change, message) => {
    expect(outcome(change)).toMatch(message);
  });

  test("an honest one fits, with patterns", () => {
    expect(outcome({})).toBe("fits");
    expect(outcome({ r: 4, rank_pattern: { "layers\\.\\d+\\.self_attn\\.[qk]_proj": 8 } })).toBe("fits");
  });
});

test("as many patterns as modules are no trouble", () => {
  const names = Array.from({ length: 300 }, (_, i) => `model.layers.${i}.self_attn.q_proj`);
  const config = parseAdapterConfig(
    { ...raw, rank_pattern: Object.fromEntries(names.map((name, i) => [name.replaceAll(".", "\\."), i + 1])) },
    "c",
  );
  for (const [i, name] of names.entries()) expect(config.strength(`base.${name}`).rank).toBe(i + 1);
});

test.each([
  ["rank_pattern", () => parseAdapterConfig({ ...raw, rank_pattern: { [slow]: 8 } }, "c").strength("a".repeat(60))],
  ["target_modules", () => isTarget(slow, "a".repeat(60))],
])("a pattern that would take longer than a life is stopped: %s", (_, run) => {
  expect(run).toThrow(/the adapter's pattern ".*" takes more than 500 ms/);
});
