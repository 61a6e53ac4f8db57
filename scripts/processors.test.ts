import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CONFIGURATIONS, flagsOf, GOLDENS_COMMAND, judgesNumbers, readGoldens, whyNot } from "./processors.mjs";
import { root } from "./workspace.mjs";

test("a configuration that this machine cannot do says why", () => {
  const avx2 = { name: "AVX2", env: {}, flags: ["avx2", "fma"] };
  expect(whyNot(avx2, { flags: new Set(["avx2", "fma", "sse4_1"]), cores: 1 })).toBeUndefined();
  expect(whyNot(avx2, { flags: new Set(["fma"]), cores: 1 })).toBe("this processor lacks avx2");
  expect(whyNot(avx2, { flags: undefined, cores: 1 })).toMatch(/does not tell/);
  const threads = { name: "threads", env: {}, cores: 2 };
  expect(whyNot(threads, { flags: undefined, cores: 1 })).toBe("needs 2 cores, there is 1");
  expect(whyNot(threads, { flags: undefined, cores: 4 })).toBeUndefined();
});

test("every configuration changes something, and has a name of its own", () => {
  for (const { env } of CONFIGURATIONS) expect(Object.keys(env).length).toBeGreaterThan(0);
  expect(new Set(CONFIGURATIONS.map(({ name }) => name)).size).toBe(CONFIGURATIONS.length);
});

test("the processor's abilities are those of Linux' list, where there is one", () => {
  expect(flagsOf("processor\t: 0\nflags\t\t: fpu sse4_1 avx2\n\nprocessor\t: 1\nflags\t\t: fpu\n")).toEqual(
    new Set(["fpu", "sse4_1", "avx2"]),
  );
  expect(flagsOf("processor\t: 0\nFeatures\t: fp asimd\n")).toEqual(new Set(["fp", "asimd"])); // Arm
  expect(flagsOf(undefined)).toBeUndefined();
});

test("files that compute judge numbers, those about programs do not", () => {
  const torch = 'import { zeros } from "@rediff/torch";\n';
  expect(judgesNumbers("packages/rediff/src/models/model.test.ts", torch)).toBe(true);
  for (const source of ["testing/tiny-model", "../inference/vision-language-model"])
    expect(judgesNumbers("packages/rediff/src/text/a.test.ts", `import { b } from "../${source}.js";\n`)).toBe(true);
  const fixtures = 'import { test } from "../testing/fixtures.js";\n';
  const given = (what: string) => `${fixtures}test("a", async ({ ${what} }) => {});\n`;
  expect(judgesNumbers("packages/rediff/src/text/a.test.ts", given("folder, model"))).toBe(true);
  expect(judgesNumbers("packages/rediff/src/text/a.test.ts", given("folder"))).toBe(false);
  expect(judgesNumbers("packages/torch/src/ops.test.ts", 'import { ones } from "./index.js";\n')).toBe(true);
  expect(judgesNumbers("packages/rediff/src/errors.test.ts", 'import { UserError } from "./errors.js";\n')).toBe(false);
  expect(judgesNumbers("packages/rediff/src/cli/caption.test.ts", torch)).toBe(false);
  expect(judgesNumbers("packages/torch/src/a.test.ts", 'import { spawn } from "node:child_process";\n')).toBe(false);
});

test("goldens are run as npm run goldens does", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(scripts.goldens).toContain(GOLDENS_COMMAND);
});

test("goldens: counts, the largest deviation, and what failed", () => {
  const output = [
    "passed  public/a/one                                             1.50e-6",
    "passed  public/a/two                                             0",
    "passed  public/a/three                                           -         equal",
    "failed  public/b/four                                            3.00e-1   too far",
    "skipped public/b/five                                            -         no code for it",
    "3 passed, 1 failed, 1 skipped",
  ];
  expect(readGoldens(`${output.join("\n")}\n`)).toEqual({
    passed: 3,
    failed: 1,
    skipped: 1,
    largest: 1.5e-6,
    failures: [output[3]],
  });
  expect(readGoldens("Error: libtorch is not there\n")).toMatchObject({
    passed: 0,
    failed: 1,
    failures: ["Error: libtorch is not there"],
  });
});
