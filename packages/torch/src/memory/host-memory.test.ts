import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
const isGlibc = header?.glibcVersionRuntime !== undefined;

/** What a process of its own prints, which has no libtorch. */
function inProcess(script: string): unknown {
  const args = ["--expose-gc", "--input-type=module", "-e", script];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: "utf8" }));
}

test.skipIf(!isGlibc)("what was freed between blocks in use goes back to the system", () => {
  const { before, after, given } = inProcess(`
    import { returnFreedMemory } from "@rediff/torch/host-memory";
    // Every hundredth is kept, so that none lies at the heap's end.
    let all = Array.from({ length: 3000 }, () => Buffer.allocUnsafeSlow(64 << 10).fill(1));
    const some = all.filter((_, i) => i % 100 === 99);
    all = undefined;
    gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
    gc();
    const before = process.memoryUsage.rss();
    const given = returnFreedMemory();
    console.log(JSON.stringify({ before, given, after: process.memoryUsage.rss(), some: some.length }));
  `) as { before: number; after: number; given: boolean };
  expect(given).toBe(true);
  expect(before - after).toBeGreaterThan(100e6);
});

test.runIf(process.platform === "linux")("libtorch is not loaded for it", () => {
  const maps = inProcess(`
    import { readFileSync } from "node:fs";
    import { returnFreedMemory } from "@rediff/torch/host-memory";
    returnFreedMemory();
    const maps = readFileSync("/proc/self/maps", "utf8");
    console.log(JSON.stringify(["rediff_host", "libtorch", "libc10"].map((name) => maps.includes(name))));
  `);
  expect(maps).toEqual([true, false, false]);
});
