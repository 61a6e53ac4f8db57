/** Every target of `npm run fuzz`, with fewer inputs than by hand. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fuzz } from "./fuzz-runner.mjs";
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
    // A target that takes all or nothing tests nothing.
    expect(Math.min(accepted, refused)).toBeGreaterThan(COUNT / 50);
  });
});
