import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { addCounts, countsOf, slowestLines, summaryLines } from "./summary.mjs";
import { root } from "./workspace.mjs";

test("what was skipped is said before the last line, if something was", () => {
  expect(summaryLines({ passed: 3, failed: 0, skipped: 0 })).toEqual(["3 passed, 0 failed"]);
  expect(
    summaryLines(
      addCounts([
        { passed: 3, failed: 1, skipped: 0 },
        { passed: 1, failed: 0, skipped: 2 },
      ]),
    ),
  ).toEqual(["2 skipped", "4 passed, 1 failed"]);
});

test("a run that failed without a failed test, or left nothing, is a failure", () => {
  const written = JSON.stringify({ passed: 2, failed: 0, skipped: 0 });
  expect(countsOf(written, 0)).toEqual({ passed: 2, failed: 0, skipped: 0 });
  expect(countsOf(written, 1)).toMatchObject({ passed: 2, failed: 1 });
  expect(countsOf(undefined, 0)).toMatchObject({ passed: 0, failed: 1 });
});

test("the slowest files come first, with their share of all", () => {
  const files = [
    { file: "a", seconds: 1 },
    { file: "b", seconds: 30.04 },
    { file: "c", seconds: 2 },
  ];
  expect(slowestLines(files, 2)).toEqual([
    "the slowest 2 of 3 test files take 32 of 33 s",
    "    30.0 s  b",
    "     2.0 s  c",
  ]);
});

test("tests, files that do not load and errors outside of tests are all counted", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rediff-summary-"));
  try {
    const test = 'import { expect, test } from "vitest";\n';
    const files = {
      "good.test.js": `${test}test("a", () => {});\ntest("b", () => {});\ntest.skip("c", () => {});\n`,
      "bad.test.js": `${test}test("d", () => expect(1).toBe(2));\n`,
      "broken.test.js": 'import "./nowhere.js";\n',
      "late.test.js": `${test}test("e", () => {});\nsetTimeout(() => { throw new Error("late"); }, 0);\ntest("f", () => new Promise((r) => setTimeout(r, 50)));\n`,
      "vitest.config.mjs": "export default {};\n",
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const reporter = join(root, "scripts/counts-reporter.mjs");
    const status = await new Promise<number>((done) => {
      const env = { ...process.env, REDIFF_TEST_COUNTS: join(folder, "counts.json") };
      const args = [vitest, "run", `--root=${folder}`, `--reporter=${reporter}`, "--globals=false"];
      const child = execFile(process.execPath, args, { env, cwd: folder }, () => done(child.exitCode ?? -1));
    });
    expect(status).toBe(1);
    // Passed: a, b, e, f. Failed: d, the file that does not load, the error outside of tests. Skipped: c.
    const { files: times, ...counts } = JSON.parse(readFileSync(join(folder, "counts.json"), "utf8"));
    expect(counts).toEqual({ passed: 4, failed: 3, skipped: 1 });
    const late = times.find(({ file }: { file: string }) => file === "late.test.js");
    expect(late.seconds).toBeGreaterThan(0.04);
    expect(times).toHaveLength(4);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
