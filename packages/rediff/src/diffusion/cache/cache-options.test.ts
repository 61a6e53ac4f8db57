import { expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { decodeOptions } from "../decode-options.js";
import { type CacheChoice, type CacheOptions, chosenCache } from "./cache-options.js";

test.for<[CacheChoice, CacheOptions | undefined]>([
  [{}, undefined],
  [{ cache: "none" }, undefined],
  [{ cache: "refresh" }, { kind: "refresh", every: 8, changed: 0.25, certify: true }],
  [
    { cache: "refresh", refreshEvery: 3, refreshChanged: 1, certify: false },
    { kind: "refresh", every: 3, changed: 1, certify: false },
  ],
  [{ cache: "fast-dllm" }, { kind: "fast-dllm", every: 32 }],
  [{ cache: "dllm-cache" }, { kind: "dllm-cache", promptInterval: 25, genInterval: 7, transferRatio: 0.25 }],
  [
    { cache: { promptInterval: 9, genInterval: 3, transferRatio: 1 } },
    { kind: "dllm-cache", promptInterval: 9, genInterval: 3, transferRatio: 1 },
  ],
])("%j is %j", ([choice, cache]) => {
  expect(chosenCache(choice)).toEqual(cache);
});

test.for<[CacheChoice, string]>([
  [{ refreshEvery: 4 }, "refreshEvery needs cache refresh or fast-dllm"],
  [{ cache: "dllm-cache", refreshEvery: 4 }, "refreshEvery needs cache refresh or fast-dllm"],
  [{ cache: "fast-dllm", refreshChanged: 0.5 }, "refreshChanged needs cache refresh"],
  [{ certify: false }, "certify needs cache refresh"],
])("%j is refused: %s", ([choice, message]) => {
  expect(() => chosenCache(choice)).toThrow(message);
});

test("numbers out of range, and what has no use under the original's rules, are refused", () => {
  const refresh = { kind: "refresh", every: 4, changed: 0.5, certify: true } as const;
  const refused = (cache: CacheOptions, more = {}) => expect(() => decodeOptions({ cache, ...more }));
  refused({ ...refresh, every: 0 }).toThrow("refreshEvery must be a whole number from 1, got 0");
  refused({ kind: "fast-dllm", every: 1.5 }).toThrow("refreshEvery must be a whole number from 1, got 1.5");
  refused({ ...refresh, changed: 1.5 }).toThrow("refreshChanged must be from 0 to 1, got 1.5");
  refused(refresh, { compat: true }).toThrow("keep nothing with compat");
  const hint = (options: Parameters<typeof decodeOptions>[0]): string | undefined => {
    try {
      decodeOptions(options);
    } catch (error) {
      if (error instanceof UserError) return error.hint;
      throw error;
    }
    return undefined;
  };
  expect(hint({ cache: refresh, compat: true })).toBe("Leave one of the two out, or use cache dllm-cache.");
  const features = { kind: "dllm-cache", promptInterval: 9, genInterval: 3, transferRatio: 0.5 } as const;
  expect(hint({ cache: features, cfgScale: 1 })).toBe("Use cache refresh or fast-dllm, which go with it.");
  expect(hint({ cache: features, compat: true })).toBeUndefined();
  for (const kept of [refresh, { kind: "fast-dllm", every: 8 } as const])
    expect(hint({ cache: kept, cfgScale: 1 })).toBeUndefined();
  expect(decodeOptions({ cache: { ...refresh, every: 1 }, compat: true }).cache).toMatchObject({ every: 1 });
});
