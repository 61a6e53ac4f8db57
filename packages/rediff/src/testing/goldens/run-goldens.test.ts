import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { folderOfFile } from "../folders.js";
import { compareExact } from "./compare.js";
import { type GoldenCase, listCases, loadCase, type Outcome } from "./golden-case.js";
import { findRoute, type Route, routes } from "./judge-of-case.js";
import { goldensCommand, runGoldens } from "./run-goldens.js";

const { path: root } = folderOfFile();

type Made = { name: string; function: string; content?: string; inputs?: object; outputs?: object; group?: string };

/** A goldens folder with these cases, `content` being a whole case.json. */
async function goldensFolder(name: string, cases: Made[], { manifest = true } = {}): Promise<string> {
  const folder = join(root, name);
  const entries: object[] = [];
  for (const made of cases) {
    const group = made.group ?? "made_up";
    const file = join(group, made.name, "case.json");
    const { function: reference_function, inputs, outputs } = made;
    const id = `public/${group}/${made.name}`;
    const content = { id, group, reference_function, checkpoint: "checkpoint", tolerance: null, inputs, outputs };
    await mkdir(join(folder, group, made.name), { recursive: true });
    if (made.content !== "") await writeFile(join(folder, file), made.content ?? JSON.stringify(content));
    entries.push({ id, group, reference_function, files: { case: file, tensors: null }, unknown_key: 1 });
  }
  await mkdir(folder, { recursive: true });
  if (manifest) await writeFile(join(folder, "manifest.json"), JSON.stringify({ split: "public", cases: entries }));
  return folder;
}

const passed: Outcome = { status: "passed", deviation: 0.5 };
const adapter = (run: (goldenCase: GoldenCase) => Promise<Outcome>) => async () => ({ run });
const table: Route[] = [
  {
    group: "made_up",
    function: "double",
    adapter: adapter(async (c) => compareExact(2 * Number(c.inputs.x), c.outputs.y)),
  },
  { group: "made_up", function: "pass", adapter: adapter(async () => passed) },
  { group: "made_up", function: "crash", adapter: adapter(async () => Promise.reject(new TypeError("no\nway"))) },
  { group: "made_up", function: "unloadable", adapter: () => Promise.reject(new Error("cannot be loaded")) },
  { group: "made_up", function: "later", skip: "not built yet" },
];

async function run(folder: string, only?: string) {
  const lines: string[] = [];
  const tally = await runGoldens(folder, { only, table, print: (line) => lines.push(line) });
  return { tally, lines };
}

describe("the tally", () => {
  test("counts what passes, and as failed: a difference, an unknown function, a crash, a broken case", async () => {
    const folder = await goldensFolder("all", [
      { name: "good", function: "module.double (notes)", inputs: { x: 2 }, outputs: { y: 4 } },
      { name: "wrong", function: "module.double", inputs: { x: 2 }, outputs: { y: 7 } },
      { name: "unknown", function: "module.triple", inputs: {}, outputs: {} },
      { name: "other_group", function: "module.double", inputs: { x: 2 }, outputs: { y: 4 }, group: "elsewhere" },
      { name: "crash", function: "module.crash" },
      { name: "unloadable", function: "module.unloadable" },
      { name: "broken", function: "module.pass", content: "{" },
      { name: "absent", function: "module.pass", content: "" },
      { name: "skipped", function: "module.later" },
    ]);
    const { tally, lines } = await run(folder);
    expect(tally).toEqual({ passed: 1, failed: 7, skipped: 1 });
    expect(lines.map((line) => line.split(/\s+/, 2).join(" "))).toEqual([
      "passed public/made_up/good",
      "failed public/made_up/wrong",
      "failed public/made_up/unknown",
      "failed public/elsewhere/other_group",
      "failed public/made_up/crash",
      "failed public/made_up/unloadable",
      "failed public/made_up/broken",
      "failed public/made_up/absent",
      "skipped public/made_up/skipped",
    ]);
    expect(lines[1]).toMatch(/3\.00e\+0 +value: got 4, expected 7$/);
    expect(lines[2]).toMatch(/unknown function "module\.triple" in group "made_up"$/);
    expect(lines[4]).toMatch(/TypeError: no way$/);
    expect(lines[8]).toMatch(/- +not built yet$/);
  });

  test("holds only the cases asked for", async () => {
    const folder = await goldensFolder("only", [
      { name: "a_1", function: "pass" },
      { name: "a_2", function: "crash" },
      { name: "b_1", function: "crash" },
    ]);
    expect((await run(folder, "_1")).tally).toEqual({ passed: 1, failed: 1, skipped: 0 });
    await expect(run(folder, "nowhere")).rejects.toThrow(/no case with "nowhere" in its id/);
  });

  test("takes every case.json when there is no manifest", async () => {
    const cases = [
      { name: "one", function: "pass" },
      { name: "two", function: "crash" },
    ];
    const { tally, lines } = await run(await goldensFolder("bare", cases, { manifest: false }));
    expect(tally).toEqual({ passed: 1, failed: 1, skipped: 0 });
    expect(lines[0]).toContain("made_up/one");
  });
});

describe("the command", () => {
  async function command(...args: string[]) {
    const lines: string[] = [];
    const status = await goldensCommand(args, (line) => lines.push(line));
    return { status, last: lines.at(-1) };
  }

  test("ends with the tally, and with status 1 when a case failed", async () => {
    const bad = await goldensFolder("bad", [{ name: "x", function: "nothing known" }]);
    expect(await command(bad)).toEqual({ status: 1, last: "0 passed, 1 failed, 0 skipped" });
  });

  test("does not take an empty folder for success", async () => {
    expect((await command(await goldensFolder("empty", []))).status).toBe(1);
  });

  test("runs real adapters", async () => {
    const checkpoint = fileURLToPath(new URL("../../text/testdata/tokenizer", import.meta.url));
    const folder = join(root, "real");
    const content = (ids: number[]) =>
      JSON.stringify({
        id: "x",
        group: "tokenization",
        reference_function: "mm_utils.tokenizer_image_token",
        checkpoint,
        outputs: { rows: [{ prompt: "<image>", ids }] },
      });
    await mkdir(join(folder, "x"), { recursive: true });
    await writeFile(join(folder, "x", "case.json"), content([-200]));
    expect(await command(folder)).toEqual({ status: 0, last: "1 passed, 0 failed, 0 skipped" });
    await writeFile(join(folder, "x", "case.json"), content([-200, 1]));
    expect(await command(folder)).toEqual({ status: 1, last: "0 passed, 1 failed, 0 skipped" });
  });

  test.each([[[]], [["a", "b"]], [["a", "--unknown"]], [[join("no", "such", "folder")]]])(
    "answers wrong use with one line (%#)",
    async (args) => {
      const { status, last } = await command(...args);
      expect(status).toBe(1);
      expect(last).not.toContain("\n");
    },
  );
});

test("a case knows its folders; its tensors are read when asked for", async () => {
  const folder = await goldensFolder("folders", [{ name: "x", function: "pass", inputs: { a: 1 }, outputs: {} }]);
  const goldenCase = loadCase(folder, listCases(folder)[0]!);
  expect(goldenCase).toMatchObject({
    root: folder,
    dir: join(folder, "made_up", "x"),
    tolerance: {},
    inputs: { a: 1 },
  });
  expect(goldenCase.checkpoint).toBe(join(root, "checkpoint"));
  expect(goldenCase.tensors().size).toBe(0);
});

test("compareExact finds differences at any depth, and never calls unlike things equal", () => {
  const value = { a: [1, [2, "x"]], b: { c: null } };
  expect(compareExact(value, structuredClone(value))).toEqual({ status: "passed", deviation: 0 });
  expect(compareExact({ a: [1, 2] }, { a: [1, 5] })).toEqual({
    status: "failed",
    deviation: 3,
    note: "a[1]: got 2, expected 5",
  });
  for (const [got, wanted] of [
    [[1], [1, 2]],
    [{ a: 1 }, {}],
    [{}, { a: 1 }],
    ["1", 1],
    [[], {}],
    [null, undefined],
    [Number.NaN, 1],
  ]) {
    expect(compareExact(got, wanted)).toMatchObject({ status: "failed", deviation: Number.POSITIVE_INFINITY });
  }
});

const shared = fileURLToPath(new URL("../../../../../../shared/goldens/public", import.meta.url));
test.skipIf(!existsSync(shared))("the reference's tokenization cases pass", async () => {
  const lines: string[] = [];
  const { passed, failed } = await runGoldens(shared, { only: "/tokenization/", print: (line) => lines.push(line) });
  expect(failed, lines.filter((line) => line.startsWith("failed")).join("\n")).toBe(0);
  expect(passed).toBeGreaterThan(20);
});

test("every function of the reference's groups has a route", () => {
  const known = (group: string, referenceFunction: string) =>
    findRoute(routes, { group, referenceFunction } as GoldenCase) !== undefined;
  expect(known("llm_forward", "LLaDAModel.forward(attention_mask 2-D)")).toBe(true);
  expect(known("generation", "LLaDAModelLM.get_num_transfer_tokens, add_gumbel_noise")).toBe(true);
  expect(known("generation", "LLaDAModel.forward")).toBe(false);
  expect(known("misc", "torch.unknown")).toBe(false);
});
