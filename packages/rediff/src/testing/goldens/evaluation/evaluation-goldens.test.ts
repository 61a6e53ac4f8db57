import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { test } from "../../fixtures.js";
import { compareWithin } from "../compare.js";
import { listCases } from "../golden-case.js";
import { runGoldens } from "../run-goldens.js";

test("a group with a manifest of its own is run with the others", async ({ folder }) => {
  const listing = (id: string, file: string) => JSON.stringify({ cases: [{ id, files: { case: file } }] });
  await mkdir(join(folder, "evaluation/toy"), { recursive: true });
  await writeFile(join(folder, "manifest.json"), listing("public/made_up/x", "x/case.json"));
  await writeFile(join(folder, "evaluation/manifest.json"), listing("public/evaluation/toy", "toy/case.json"));
  expect(listCases(folder)).toEqual([
    { id: "public/made_up/x", dir: join(folder, "x") },
    { id: "public/evaluation/toy", dir: join(folder, "evaluation/toy") },
  ]);
});

test("a scorer's case fails where a score differs, and where nobody scores it", async ({ folder }) => {
  const write = async (name: string, letter: string) => {
    const content = {
      id: name,
      group: "evaluation",
      task: name,
      reference_function: `evaluation/${name}`,
      tolerance: { type: "exact" },
      docs: [],
      predictions: [{ text: "(B)", choices: ["A", "B"] }],
      prompts: [],
      per_sample: [{ letter }],
      aggregate: {},
    };
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, "case.json"), JSON.stringify(content));
  };
  await write("mcq_extract", "B");
  await write("unheard_of", "B");
  expect(await runGoldens(folder)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  await write("mcq_extract", "A");
  expect(await runGoldens(folder, { only: "mcq" })).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("numbers may differ by so much, and by no more", () => {
  expect(compareWithin({ a: 1 }, { a: 1 + 1e-10 }, 1e-9).status).toBe("passed");
  expect(compareWithin({ a: 1 }, { a: 1.1 }, 1e-9).status).toBe("failed");
  expect(compareWithin({ a: "1" }, { a: 1 }, 1).status).toBe("failed");
});

const shared = fileURLToPath(new URL("../../../../../../../shared/goldens/public/evaluation", import.meta.url));
test.skipIf(!existsSync(shared))("recorded scores of benchmarks are met", async () => {
  const lines: string[] = [];
  await runGoldens(shared, { print: (line) => lines.push(line) });
  // CAPTURE needs WordNet's files, and has tests of its own.
  expect(lines.filter((line) => line.startsWith("failed") && !line.includes("WordNet"))).toEqual([]);
  expect(lines.length).toBeGreaterThan(30);
});
