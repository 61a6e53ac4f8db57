import { describe, expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { checkOptions, checkRefineOptions, type DescribeOptions } from "../request.js";
import { refineWithFast, withFast } from "./fast-preset.js";

const photo = fixturePath("color.jpg");

describe("fast", () => {
  test("is the answer of the options that it stands for, and says them", async ({ model }) => {
    expectNoLeaks();
    const options = { genLength: 16, revise: true };
    const named = {
      cache: "refresh",
      refreshEvery: 16,
      refreshChanged: 0.5,
      rule: "threshold",
      threshold: 0.7,
    } as const;
    const fast = await model.describe(photo, { ...options, fast: true });
    const same = await model.describe(photo, { ...options, ...named });
    expect([fast.tokenIds, fast.cache]).toEqual([same.tokenIds, same.cache]);
    expect(fast.approximate).toEqual(["fast", "cache refresh", "rule threshold"]);
    expect(same.approximate).toEqual(["cache refresh", "rule threshold"]);
  });

  test("of refining is the cache alone, and of blanks all of it", async ({ model }) => {
    const refined = await model.refine(photo, "a b c d", { rounds: 4, threshold: 0.2, fast: true });
    expect(refined.cache).toMatchObject({ kind: "refresh" });
    expect(refined.approximate?.[0]).toBe("fast");
    expect(refined.approximate).not.toContain("rule threshold");
    expect((await model.fill(photo, "A [[4]].", { fast: true })).approximate).toContain("rule threshold");
  });

  test("is off, and nothing is approximate, unless it is asked for", async ({ model }) => {
    for (const options of [{}, { fast: false }, { cache: "refresh", refreshEvery: 1 } as const])
      expect(await model.describe(photo, { genLength: 8, ...options })).not.toHaveProperty("approximate");
  });

  test("is in the record of what was asked, with what it stands for", async ({ model }) => {
    let request: unknown;
    const onTrace = (step: { request?: unknown }) => {
      request ??= step.request;
    };
    await model.describe(photo, { genLength: 8, fast: true, onTrace });
    expect(request).toMatchObject({
      fast: true,
      rule: "threshold",
      threshold: 0.7,
      cache: { kind: "refresh", every: 16 },
    });
  });

  test.for<[DescribeOptions, RegExp]>([
    [{ steps: 8 }, /fast and steps exclude each other\. In place of fast, give what you want of cache refresh/],
    [{ tokensPerStep: 2 }, /fast and tokensPerStep exclude each other/],
    [{ cache: "none" }, /fast has cache refresh, not none\. In place of fast, give what you want of cache refresh, /],
    [{ cache: "dllm-cache" }, /fast has cache refresh, not dllm-cache/],
    [{ refreshEvery: 1 }, /fast has refreshEvery 16, not 1/],
    [{ rule: "joint" }, /fast has rule threshold, not joint/],
    [{ threshold: 0.5 }, /fast has threshold 0\.7, not 0\.5/],
    [{ factor: 2 }, /rule threshold has no factor/],
    [{ compat: true }, /fast and compat exclude each other.*Leave fast out/],
  ])("refuses %j", ([options, message]) => {
    expect(() => checkOptions({ ...options, fast: true })).toThrow();
    try {
      checkOptions({ ...options, fast: true });
    } catch (error) {
      expect((error as { line: string }).line).toMatch(message);
    }
  });

  test("goes with what says the same, and with what it leaves open", () => {
    const open: DescribeOptions = {
      fast: true,
      cache: "refresh",
      threshold: 0.7,
      certify: false,
      revise: true,
      seed: 7,
    };
    checkOptions(open);
    expect(withFast(withFast(open))).toEqual(withFast(open));
    checkRefineOptions({ fast: true, threshold: 0.5, rounds: 3 });
    expect(refineWithFast({ fast: true })).not.toHaveProperty("rule");
    expect(() => checkRefineOptions({ fast: true, cache: "none" })).toThrow("fast has cache refresh");
  });
});
