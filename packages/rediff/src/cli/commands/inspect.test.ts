import { expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { inspectCommand } from "./inspect.js";

const scratch = folderOfEachTest();
const inspect = (...args: string[]) => inspectCommand().parseAsync(args, { from: "user" });

test.each([
  [[], /takes a model, or --shape with --fit/],
  [["folder", "--shape", "llada-v-8b", "--fit"], /takes a model, or --shape with --fit/],
  [["--shape", "llada-v-8b"], /--shape goes with --fit/],
])("%j is refused before anything is measured", async (args, why) => {
  await expect(inspect(...args)).rejects.toThrow(why);
});

test("--fit adds what fits to the JSON of a folder", async ({ output }) => {
  const folder = writeTinyModel(scratch.at("tiny"));
  await inspect(folder, "--fit", "--json", "--prompt-tokens", "20", "--gen-length", "8", "--steps", "4");
  const { complete, fit } = JSON.parse(output.stdout);
  expect(complete).toBe(true);
  expect(fit).toMatchObject({ prompt_tokens: 20, gen_length: 8, steps: 4 });
  expect(fit.settings).toHaveLength(6);
});
