import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { collectWhenIdle } from "./idle-garbage.js";

let asked = 0;
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (
      ((entry as PerformanceEntry & { detail: { flags: number } }).detail.flags &
        constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !==
      0
    )
      asked++;
});
beforeEach(() => {
  asked = 0;
  observer.observe({ entryTypes: ["gc"] });
});
afterEach(() => observer.disconnect());

/** Megabytes that outlive the young generation, and are then forgotten. */
async function litter(): Promise<void> {
  const held = Array.from({ length: 300_000 }, (_, i) => ({ i, text: `${i}` }));
  await pause(20);
  expect(held.length).toBeGreaterThan(0);
}

test("a thread with nothing to do collects what is left over, and then rests", async () => {
  const end = collectWhenIdle({ everyMs: 100, busy: 0.5 });
  try {
    await litter();
    await expect.poll(() => asked, { timeout: 5000 }).toBeGreaterThan(0);
    const askedMeanwhile = async () => {
      const before = asked;
      await pause(600);
      return asked - before;
    };
    await expect.poll(askedMeanwhile, { timeout: 15_000 }).toBe(0);
  } finally {
    end();
  }
});

test("a thread at work does not", async () => {
  const end = collectWhenIdle({ everyMs: 50, busy: 0.5 });
  try {
    await litter();
    for (const until = performance.now() + 500; performance.now() < until; await new Promise(setImmediate))
      for (const turn = performance.now() + 20; performance.now() < turn; );
    await pause(0);
    expect(asked).toBe(0);
  } finally {
    end();
  }
});

test("a thread whose process is waited for does not, however little it does", async () => {
  let isIdle = false;
  const end = collectWhenIdle({ everyMs: 50, busy: 0.5, isIdle: () => isIdle });
  try {
    await litter();
    await pause(400);
    expect(asked).toBe(0);
    isIdle = true;
    await expect.poll(() => asked, { timeout: 5000 }).toBeGreaterThan(0);
  } finally {
    end();
  }
});
