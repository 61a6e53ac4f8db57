import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { readRecipe } from "../../training/recipe/recipe-file.js";
import { shippedRecipes } from "../../training/recipe/shipped-recipes.js";
import { recipeCommand } from "./recipes.js";

const scratch = folderOfEachTest();
const here = (path: string) => join(scratch.path, path);
const recipe = (...args: string[]) => recipeCommand().parseAsync(args, { from: "user" });

test("every recipe has a name and says in a sentence what it is for", async ({ output }) => {
  await recipe("ls");
  const names = output.stdout.split("\n").map((line) => line.split(" ")[0]);
  expect(names).toEqual(expect.arrayContaining(["first", "llada-v/pretrain", "rediff/stage1", "rediff/improve"]));
  for (const { name, about } of shippedRecipes()) expect(about, name).toMatch(/^[A-Z].{10,160}[.]$/);
});

test("a copy is the recipe, and train reads it", async ({ output }) => {
  await recipe("cp", "rediff/stage1", here("mine.yaml"));
  expect(output.stdout).toBe(`${here("mine.yaml")}\n`);
  const { file } = shippedRecipes().find(({ name }) => name === "rediff/stage1")!;
  expect(readFileSync(here("mine.yaml"), "utf8")).toBe(readFileSync(file, "utf8"));
  expect(readRecipe(here("mine.yaml")).objective).toBe("rediff");
});

test("the loop's recipe says which other it needs", async ({ output }) => {
  await recipe("cp", "rediff/improve", here("loop.yaml"));
  expect(output.stderr).toMatch(/names recipes\/rediff\/stage2.yaml; get that with: rediff recipe cp rediff\/stage2/);
});

test("what is there stays, unless that is meant", async () => {
  writeFileSync(here("mine.yaml"), "mine");
  await expect(recipe("cp", "first", here("mine.yaml"))).rejects.toThrow(/is there already/);
  expect(readFileSync(here("mine.yaml"), "utf8")).toBe("mine");
  await recipe("cp", "first", here("mine.yaml"), "--force");
  expect(readFileSync(here("mine.yaml"), "utf8")).toMatch(/^# The first training/);
});

test("a name that is none gets the nearest one", async () => {
  await expect(recipe("cp", "rediff/stage11")).rejects.toMatchObject({
    hint: expect.stringContaining("rediff/stage1?"),
  });
});
