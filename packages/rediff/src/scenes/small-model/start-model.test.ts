import sharp from "sharp";
import { expect, test } from "vitest";
import { loadModel } from "../../inference/vision-language-model.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeStartModel } from "./start-model.js";

const { at } = folderOfFile();

test("is a model that describes a picture in the world's words", async () => {
  await writeStartModel(at("model"), { width: 32, layers: 1 });
  const picture = at("red.png");
  await sharp({ create: { width: 144, height: 144, channels: 3, background: "red" } })
    .png()
    .toFile(picture);
  using model = await loadModel(at("model"));
  const { tokenIds } = await model.describe(picture, { genLength: 8, steps: 4 });
  expect(tokenIds.length).toBeGreaterThan(0);
  expect(model.model.config.llada.vocabSize).toBe(model.model.tokenizer.length);
});

test.each([
  [{ width: 100 }, "a width of 100"],
  [{ layers: 0 }, "0 layers"],
  [{ patch: 7 }, "patches of 7 in a picture of 144 pixels"],
  [{ patch: 6 }, "576 patches a picture"],
])("refuses %o", async (options, message) => {
  await expect(writeStartModel(at("wrong"), options)).rejects.toThrow(message);
});
