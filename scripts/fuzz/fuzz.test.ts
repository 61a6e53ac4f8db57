/** Every target of `npm run fuzz`, with fewer inputs than by hand. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { fuzz, fuzzInput } from "./fuzz-runner.mjs";
import { told } from "./fuzz-table.mjs";
import { listTargets } from "./target.mjs";

const COUNT = 500;

const keep = mkdtempSync(join(tmpdir(), "rediff-fuzz-test-"));
afterAll(() => rmSync(keep, { recursive: true }));

describe("whatever the bytes, it ends soon, in little memory, and with an answer or an error of ours", () => {
  test.each([...listTargets().keys()])("%s", async (name) => {
    const outcome = await fuzz(name, { count: COUNT, seed: 0, keep });
    expect(told(outcome)).toEqual([]);
    const { inputs = 0, accepted = 0, refused = 0 } = outcome.report ?? {};
    expect(inputs).toBe(COUNT);
    // A target that takes all or nothing tests nothing, unless it says so.
    if (outcome.report?.refusesNothing) expect(refused).toBe(0);
    else expect(Math.min(accepted, refused)).toBeGreaterThan(COUNT / 50);
  });
});

describe("what a parser must not do is found:", () => {
  const faulty = fileURLToPath(new URL("faulty-target.mjs", import.meta.url));
  /** Of an input that ends; a busy machine may be slow to start. */
  const LONG = 10_000;

  test.each([
    ["raw", "wrong: threw TypeError: Cannot read"],
    ["words", 'wrong: says "ENOENT" to the user'],
    ["leaves", "left behind: left left.tmp"],
    ["waits", "slow: took 1"],
    ["takes", "memory: took"],
    ["asks", "memory: took"],
    ["dies", "crash: ended with SIGABRT"],
    ["exits", "crash: ended with status 0"],
    ["rejects", "crash: ended with status 70: TypeError: nobody waits"],
  ])("%s", async (fault, what) => {
    const input = join(keep, fault);
    writeFileSync(input, fault);
    const { findings } = await fuzzInput(faulty, input, LONG);
    expect(findings.map((one) => `${one.kind}: ${one.what}`)).toEqual([expect.stringContaining(what)]);
    expect(findings[0]?.repeat).toContain(`--input ${input}`);
  });

  test("hangs", async () => {
    const input = join(keep, "hangs");
    writeFileSync(input, "hangs");
    const { findings } = await fuzzInput(faulty, input, 2000);
    expect(findings).toMatchObject([{ kind: "hang", what: "no end after 2 s" }]);
  });

  test("nothing, where nothing is", async () => {
    for (const fault of ["fine", "refuses"]) {
      const input = join(keep, fault);
      writeFileSync(input, fault);
      expect((await fuzzInput(faulty, input)).findings).toEqual([]);
    }
  });
});

test("the same seed makes the same inputs, another seed others", async () => {
  const digest = async (seed: number) => (await fuzz("data-url", { count: COUNT, seed, keep })).report?.digest;
  const first = await digest(1);
  expect(await digest(1)).toBe(first);
  expect(await digest(2)).not.toBe(first);
});
