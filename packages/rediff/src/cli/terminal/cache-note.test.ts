import { expect, test } from "vitest";
import type { CacheReport } from "../../diffusion/cache/cache-budget.js";
import { approximateNotes } from "./cache-note.js";

const cache: CacheReport = {
  ...({ kind: "refresh", on: true, bytes: 2 ** 20 } as const),
  ...{ fullPasses: 4, cachedPasses: 9, rowsComputed: 100, rowsKept: 200 },
  certified: true,
};

test("of an exact answer nothing is said, nor of a rule alone, which was asked for", () => {
  expect(approximateNotes({})).toEqual([]);
  expect(approximateNotes({ approximate: ["rule threshold"] })).toEqual([]);
});

test("what was on is named, by its preset where it has one, and the cache has a line of its own", () => {
  const passes = "cache refresh: 4 of 13 passes computed everything; certified";
  expect(approximateNotes({ approximate: ["quantize int4", "rule joint"] })).toEqual([
    "approximate: quantize int4, rule joint",
  ]);
  expect(approximateNotes({ approximate: ["cache refresh"], cache })).toEqual([passes]);
  expect(approximateNotes({ approximate: ["quantize int8", "cache refresh"], cache })).toEqual([
    "approximate: quantize int8",
    passes,
  ]);
  expect(approximateNotes({ approximate: ["fast", "cache refresh", "rule threshold"], cache })).toEqual([
    "fast: cache refresh, rule threshold",
    passes,
  ]);
});

test("a cache without memory says so, also where nothing was approximate", () =>
  expect(approximateNotes({ cache: { ...cache, on: false } })).toEqual([
    "cache refresh: no memory for its 1 MiB, decoded without",
  ]));
