import { describe, expect, test } from "vitest";
import { namedShape } from "../../checkpoint/inspect/named-shapes.js";
import { type PlanKeys, planRun } from "./run-plan.js";

const keys: PlanKeys = {
  sharding: "full",
  dtype: "bfloat16",
  lora: undefined,
  mm_tunable_parts: ["mm_mlp_adapter", "mm_vision_tower", "mm_language_model"],
  master_weights: true,
  ema: undefined,
  checkpointing: "blocks",
  offload: false,
  batch_size: 1,
  gradient_accumulation_steps: 1,
};
const config = namedShape("llada-v-8b");
const GB = 1e9;

describe("the plan of an 8B model", () => {
  test("has 18 bytes a parameter in one process, and of the table's gradient the rows that were read", () => {
    const { parameters, trained, weights, state, gradients, sent } = planRun(config, keys, 1, 3448);
    expect(trained).toBe(parameters);
    expect(weights).toBe(2 * parameters);
    expect(state).toBe(12 * parameters);
    expect(gradients).toBe(4 * (parameters - 126_464 * 4096 + 3448 * 4096));
    expect(sent).toBe(0);
  });

  test("divides what the sharding says, and nothing else", () => {
    const [one, none, optimizer, full] = [
      planRun(config, keys, 1, 100),
      ...(["none", "optimizer", "full"] as const).map((sharding) => planRun(config, { ...keys, sharding }, 8, 100)),
    ];
    expect([none?.weights, none?.state]).toEqual([one?.weights, one?.state]);
    expect([optimizer?.weights, optimizer?.state]).toEqual([one?.weights, (one?.state ?? 0) / 8]);
    expect([full?.weights, full?.state]).toEqual([(one?.weights ?? 0) / 8, (one?.state ?? 0) / 8]);
  });

  test("sends at most each weight twice and each gradient once, whatever it accumulates", () => {
    const once = planRun(config, keys, 4, 3448);
    const theory = (3 / 4) * (2 * 2 + 4) * once.parameters;
    expect(once.sent / theory).toBeGreaterThan(0.75); // the head and the table come once, the table's gradient by rows
    expect(once.sent / theory).toBeLessThan(1);
    expect(planRun(config, { ...keys, gradient_accumulation_steps: 8 }, 4, 3448).sent).toBe(once.sent);
  });

  test("has next to nothing beside the weights with low-rank adapters", () => {
    const lora = { rank: 64, alpha: 16, targets: "all-linear" as const, dropout: 0 as const };
    const parts = ["mm_language_model" as const];
    const plan = planRun(config, { ...keys, lora, mm_tunable_parts: parts }, 8, 3448);
    // 32 blocks of 4 square weights and 3 of the feed-forward
    expect(plan.trained).toBe(32 * 64 * (4 * (4096 + 4096) + 3 * (4096 + 12_288)));
    expect(plan.state + plan.gradients).toBeLessThan(0.4 * GB);
  });
});
