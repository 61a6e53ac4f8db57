/** Drafts of several processes: the files are, to the last byte, those of one. */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { record, writeLines } from "../../data/testing/record-files.js";
import { loadModel } from "../../inference/vision-language-model.js";
import { pictureFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { onSharedWork } from "../../testing/ranks-here.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { type DraftDataOptions, draftData } from "./draft-data.js";
import { draftTogether } from "./draft-together.js";

const { at } = folderOfFile();

const RECORDS = 11;

const drafting = (output: string): DraftDataOptions => ({
  ...{ data: at("data.jsonl"), output: at(output), steps: [8, 4], options: { genLength: 8 } },
  model: { name: "tiny", folder: at("model") },
  async withModel(use) {
    using model = await loadModel(at("model"), { device: "cpu", dtype: "float32" });
    return await use(model);
  },
});

const text = (name: string): string => readFileSync(at(name), "utf8");
const left = (output: string): string[] => readdirSync(at(".")).filter((name) => name.startsWith(`${output}.rank-`));

beforeAll(async () => {
  writeTinyModel(at("model"));
  const image = (i: number) => (i === 3 || i === 7 ? at(`missing-${i}.jpg`) : `${pictureFolder}/color.jpg`);
  writeLines(
    at("data.jsonl"),
    Array.from({ length: RECORDS }, (_, i) => record(`Answer ${i}.`, { image: image(i), id: `r${i}` })),
  );
  await draftData(drafting("alone.jsonl"));
});

test("drafts and what is left out are those of one process, in its order", async () => {
  const [report, ...others] = await onSharedWork(2, (work) => draftTogether(drafting("two.jsonl"), work));
  expect(report).toMatchObject({ records: RECORDS, drafts: RECORDS - 2, made: RECORDS - 2, left_out: { missing: 2 } });
  expect(others).toEqual([undefined]);
  expect(text("two.jsonl")).toBe(text("alone.jsonl"));
  expect(text("two.jsonl.left-out.jsonl")).toBe(text("alone.jsonl.left-out.jsonl"));
  expect(left("two.jsonl")).toEqual([]);
});

test("what killed processes have left is taken over, whatever their number; half a line is made again", async () => {
  const lines = text("alone.jsonl").split("\n").slice(0, -1);
  const part = (name: string, own: string[], torn = "") =>
    writeFileSync(at(name), own.map((line) => `${line}\n`).join("") + torn);
  part("left.jsonl", lines.slice(0, 2));
  part("left.jsonl.rank-00000-of-00005", lines.slice(4, 6), lines[6]?.slice(0, 40));
  part("left.jsonl.rank-00003-of-00005", [lines[8] ?? "", lines[4] ?? ""]);
  copyFileSync(at("alone.jsonl.left-out.jsonl"), at("left.jsonl.left-out.jsonl.rank-00000-of-00005"));
  const [report] = await onSharedWork(2, (work) => draftTogether(drafting("left.jsonl"), work));
  expect(report).toMatchObject({ drafts: RECORDS - 2, made: RECORDS - 2 - 5 });
  expect(text("left.jsonl")).toBe(text("alone.jsonl"));
  expect(text("left.jsonl.left-out.jsonl")).toBe(text("alone.jsonl.left-out.jsonl"));
  expect(left("left.jsonl")).toEqual([]);
  expect(existsSync(at("left.jsonl.left-out.jsonl.rank-00000-of-00005"))).toBe(false);
});

test("all drafted already: no model is loaded, and nothing changes", async () => {
  const [report] = await onSharedWork(2, (work) =>
    draftTogether(
      {
        ...drafting("alone.jsonl"),
        first: 8,
        count: 3,
        steps: [4],
        withModel: () => Promise.reject(new Error("loaded")),
      },
      work,
    ),
  );
  expect(report).toMatchObject({ records: 3, drafts: 3, made: 0 });
});
