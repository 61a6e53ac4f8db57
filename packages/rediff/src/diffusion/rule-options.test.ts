import { describe, expect, test } from "vitest";
import { type OptionError, UserError } from "../errors.js";
import { decodeOptions } from "./decode-options.js";
import { completeRule, ruleNames, ruleOf, ruleRecord, usualRule } from "./rule-options.js";

describe("the rule", () => {
  test.each([
    [{}, "schedule"],
    [{ threshold: 0.5 }, "threshold"],
    [{ factor: 2 }, "factor"],
    [{ entropyBound: 1 }, "entropy"],
    [{ editThreshold: 0 }, "joint"],
    [{ threshold: 0.5, postEditSteps: 3 }, "joint"],
    [{ rule: "joint", threshold: 0.5 }, "joint"],
    [{ rule: "schedule" }, "schedule"],
  ] as const)("of %j is %s", (options, rule) => {
    expect(ruleOf(options)).toBe(rule);
  });

  test("has its usual numbers and no others", () => {
    expect(Object.fromEntries(ruleNames.map((rule) => [rule, ruleRecord(decodeOptions({ rule }))]))).toEqual({
      schedule: {},
      threshold: { rule: "threshold" },
      factor: { rule: "factor", factor: 1 },
      entropy: { rule: "entropy", entropy_bound: 0.1 },
      joint: { rule: "joint", edit_threshold: 0.5, post_edit_steps: 16 },
    });
    expect(decodeOptions({ rule: "threshold" }).threshold).toBe(0.9);
    expect(decodeOptions({ rule: "joint" })).toMatchObject({ threshold: 0.7, revise: true });
    expect(decodeOptions({ rule: "joint", genLength: 8, steps: 4 })).toMatchObject({ threshold: undefined, steps: 4 });
  });

  test("that is complete stays as it is", () => {
    for (const rule of ruleNames)
      for (const given of [{}, { genLength: 8, ...(rule === "joint" || rule === "schedule" ? { steps: 4 } : {}) }]) {
        const once = decodeOptions({ ...given, rule });
        expect(decodeOptions(once)).toEqual(once);
      }
  });
});

const complaint = (given: object): string => {
  try {
    decodeOptions(given);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as OptionError).option in { ...decodeOptions() }).toBe(true);
    return (error as UserError).line;
  }
  return "no complaint";
};

test.each<[Record<string, unknown>, string]>([
  [{ rule: "best" }, 'rule: expected schedule, threshold, factor, entropy, joint, got "best"'],
  [{ factor: -1 }, "factor must be 0 or more, got -1"],
  [{ entropyBound: -0.1 }, "entropyBound must be 0 or more, got -0.1"],
  [{ editThreshold: 2 }, "editThreshold must be from 0 to 1, got 2"],
  [{ postEditSteps: 1.5 }, "postEditSteps must be a whole number from 0 to 1024, got 1.5"],
  [{ factor: 1, entropyBound: 1 }, "factor and entropyBound exclude each other. They are of different rules."],
  [
    { threshold: 1, editThreshold: 1, factor: 1 },
    "threshold and factor exclude each other. They are of different rules.",
  ],
  [{ rule: "schedule", threshold: 0.9 }, "rule schedule has no threshold. It is of rule threshold or joint."],
  [{ rule: "joint", factor: 1 }, "rule joint has no factor. It is of rule factor."],
  [
    { rule: "factor", steps: 4 },
    "steps and rule factor exclude each other. This rule takes as many steps as it needs.",
  ],
  [
    { rule: "joint", threshold: 0.7, steps: 4 },
    "steps and threshold exclude each other. A threshold takes as many steps as it needs.",
  ],
  [
    { entropyBound: 1, remasking: "random" },
    "rule entropy needs remasking low_confidence: a random confidence says nothing",
  ],
  [
    { rule: "factor", reviseStart: 0.5 },
    "rule factor and reviseStart exclude each other: the number of steps is not known beforehand",
  ],
  [{ rule: "joint", revise: false }, "rule joint revises: without revise it is rule threshold"],
  [
    { rule: "joint", reviseTopk: 0.5 },
    "rule joint and reviseTopk exclude each other: editThreshold says what is rewritten",
  ],
  [
    { rule: "joint", reviseRest: true },
    "rule joint and reviseRest exclude each other: postEditSteps says how long it goes on",
  ],
  [{ rule: "entropy", compat: true }, "rule entropy cannot be used with compat: the reference has none"],
])("%j is refused", (given, message) => {
  expect(complaint(given)).toBe(message);
});

describe("a model's own rule", () => {
  const own = { rule: "joint", threshold: 0.8, editThreshold: 0.6 } as const;

  test("holds where nothing else is asked for, or the same", () => {
    expect(usualRule(own, {})).toEqual(own);
    expect(usualRule(own, { rule: "joint" })).toEqual(own);
    expect(usualRule(own, { postEditSteps: 2, remasking: "low_confidence" })).toEqual(own);
    expect(usualRule({}, {})).toEqual({ rule: "schedule" });
  });

  test("leaves its threshold where the joint rule is asked for with steps", () => {
    expect(usualRule(own, { rule: "joint", steps: 8 })).toEqual({ rule: "joint", editThreshold: 0.6 });
  });

  test.each([
    { steps: 8 },
    { tokensPerStep: 4 },
    { threshold: 0.9 },
    { rule: "schedule" as const },
    { factor: 1 },
    { revise: false },
    { remasking: "random" as const },
    { reviseTopk: 0.5 },
    { reviseRest: true },
  ])("gives way to %j", (asked) => {
    expect(usualRule(own, asked)).toEqual({});
  });

  test("is complete with what was asked for", () => {
    expect(completeRule({ ...usualRule(own, { postEditSteps: 2 }), postEditSteps: 2 }, false)).toMatchObject({
      ...own,
      postEditSteps: 2,
    });
  });
});
