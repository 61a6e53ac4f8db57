import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect } from "vitest";
import { record, writeLines } from "../../../data/testing/record-files.js";
import { convertRecords } from "../../../pipeline/prepare/convert-records.js";
import { pictureFolder, test } from "../../../testing/fixtures.js";
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

const check = (...args: string[]) =>
  dataCheckCommand().parseAsync([at("recipe.yaml"), "--workers", "0", ...args], { from: "user" });

describe("rediff data check", () => {
  test("tells what training would skip, and fails", async ({ output }) => {
    await check();
    expect(output.stdout).toMatch(
      /pictures or videos that are missing: 1\n.*data\.jsonl:3: picture none\.jpg is missing; tried/,
    );
    expect(output.stdout).toMatch(/1 revise pair: 1 found/);
    expect(output.stdout).toMatch(/1 record would be skipped in training\n$/);
    expect(process.exitCode).toBe(1);
  });

  test("takes values in place of the recipe's, and prints JSON", async ({ output }) => {
    writeLines(at("good.jsonl"), [record("A dog.", { image: "color.jpg" })]);
    await check(`data=${at("good.jsonl")}`, "--json", "--decode");
    expect(JSON.parse(output.stdout)).toMatchObject({ records: 1, bad: 0, problems: [] });
    expect(process.exitCode).toBeUndefined();
  });

  test("takes a data file in place of a recipe, with a recipe's defaults", async ({ output }) => {
    const checkFile = (...args: string[]) =>
      dataCheckCommand().parseAsync([...args, `model=${at("model")}`, "--workers", "0", "--json"], { from: "user" });
    const one = { images: ["color.jpg"], conversations: record("A dog.").conversations };
    writeLines(at("images.jsonl"), [one]);
    writeFileSync(at("images.json"), JSON.stringify([one]));
    writeFileSync(at("mix.yaml"), `datasets: [{json_path: ${at("images.json")}}]`);
    for (const file of ["images.jsonl", "images.json", "mix.yaml", "{images,images}.json"]) {
      output.stdout = "";
      await checkFile(at(file), `image_folder=${pictureFolder}`);
      expect(JSON.parse(output.stdout), file).toMatchObject({ bad: 0, modalities: { text: 0 } });
      expect(JSON.parse(output.stdout).notes.map(({ kind }: { kind: string }) => kind)).toEqual([
        "media_key",
        "placed",
      ]);
    }
    output.stdout = "";
    await convertRecords(at("images.jsonl"), at("images.parquet"), { images: pictureFolder });
    await checkFile(at("images.parquet"));
    expect(JSON.parse(output.stdout)).toMatchObject({ bad: 0, pictures: 1, sources: [{ file: at("images.parquet") }] });
    expect(process.exitCode).toBeUndefined();
  });

  test("--set evaluate needs such data", async ({ output }) => {
    await expect(check("--set", "evaluate")).rejects.toThrow(/the recipe has no data to evaluate on/);
    await check("--set", "evaluate", `evaluate.data=${at("good.jsonl")}`);
    expect(output.stdout).toMatch(/^1 record\n/);
  });
});

test("rediff train --inspect shows the samples of the first steps", async ({ output }) => {
  await showSamples(parseRecipe(`${recipe()}batch_size: 2\n`, "r.yaml"), 3);
  expect(output.stdout.match(/^step \d+, micro-batch 1: /gm)).toEqual([
    "step 1, micro-batch 1: ",
    "step 1, micro-batch 1: ",
    "step 2, micro-batch 1: ",
  ]);
  expect(output.stdout).toMatch(/There is a \{dog -> car\}/);
  expect(output.stdout).toMatch(/picture 1: \d+ x \d+, \d tiles, \d+ tokens/);
});
