import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { pictureFolder, record, writeLines } from "../../../data/testing/record-files.js";
import { folderOfFile } from "../../../testing/folders.js";
import { writeTinyModel } from "../../../testing/tiny-model.js";
import { parseRecipe } from "../../../training/recipe/recipe-file.js";
import { showSamples } from "../../terminal/train-inspect.js";
import { dataCheckCommand } from "./data-check.js";

const { at } = folderOfFile();

const recipe = () => `model: ${at("model")}
output: ${at("out")}
data: ${at("data.jsonl")}
image_folder: ${pictureFolder}
objective: rediff
dtype: float32
image_grid_pinpoints: [[28, 28], [28, 56], [56, 28], [56, 56]]
drop_last: false
workers: 0
`;

beforeAll(() => {
  writeTinyModel(at("model"));
  writeFileSync(at("recipe.yaml"), recipe());
  writeLines(at("data.jsonl"), [
    record("A dog.", { image: "color.jpg" }),
    record("There is a dog.", { image: "grey.jpg", revise: [{ org: "dog", target: "car" }] }),
    record("x", { image: "none.jpg" }),
  ]);
});

/** What a command prints, and the exit status that it asks for. */
async function output(run: () => Promise<unknown>): Promise<{ text: string; status: number }> {
  let text = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await run();
    return { text, status: Number(process.exitCode ?? 0) };
  } finally {
    process.exitCode = before;
    write.mockRestore();
  }
}

const check = (...args: string[]) =>
  output(() => dataCheckCommand().parseAsync([at("recipe.yaml"), "--workers", "0", ...args], { from: "user" }));

describe("rediff data check", () => {
  test("tells what training would skip, and fails", async () => {
    const { text, status } = await check();
    expect(text).toMatch(
      /pictures or videos that are missing: 1\n.*data\.jsonl:3: picture none\.jpg is missing; tried/,
    );
    expect(text).toMatch(/1 revise pair: 1 found/);
    expect(text).toMatch(/1 record would be skipped in training\n$/);
    expect(status).toBe(1);
  });

  test("takes values in place of the recipe's, and prints JSON", async () => {
    writeLines(at("good.jsonl"), [record("A dog.", { image: "color.jpg" })]);
    const { text, status } = await check(`data=${at("good.jsonl")}`, "--json", "--decode");
    expect(JSON.parse(text)).toMatchObject({ records: 1, bad: 0, problems: [] });
    expect(status).toBe(0);
  });

  test("--set evaluate needs such data", async () => {
    await expect(check("--set", "evaluate")).rejects.toThrow(/the recipe has no data to evaluate on/);
    const { text } = await check("--set", "evaluate", `evaluate.data=${at("good.jsonl")}`);
    expect(text).toMatch(/^1 record\n/);
  });
});

test("rediff train --inspect shows the samples of the first steps", async () => {
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const { text } = await output(() => showSamples(parseRecipe(`${recipe()}batch_size: 2\n`, "r.yaml"), 3));
  vi.restoreAllMocks();
  expect(text.match(/^step \d+, micro-batch 1: /gm)).toEqual([
    "step 1, micro-batch 1: ",
    "step 1, micro-batch 1: ",
    "step 2, micro-batch 1: ",
  ]);
  expect(text).toMatch(/There is a \{dog -> car\}/);
  expect(text).toMatch(/picture 1: \d+ x \d+, \d tiles, \d+ rows/);
});
