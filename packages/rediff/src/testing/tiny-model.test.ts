import { readFileSync } from "node:fs";
import { join } from "node:path";
import { noGrad } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { loadModelFolder } from "../checkpoint/load-model.js";
import type { DecodeResult } from "../diffusion/decode-step.js";
import { decode } from "../diffusion/decoder.js";
import { promptEmbeddings } from "../models/llava/assembly.js";
import type { Model } from "../models/llava/llava.js";
import type { Visual } from "../vision/tiles/tiles.js";
import { folderOfFile } from "./folders.js";
import { type TinyModelOptions, writeTinyModel } from "./tiny-model.js";

const { at } = folderOfFile();

let count = 0;
const write = (options: TinyModelOptions = {}) => writeTinyModel(at(String(count++)), options);

/** A view and one tile, all of one grey. */
const flatPicture = (level: number): Visual => ({
  kind: "picture",
  pixels: new Uint8Array(2 * 3 * 28 * 28).fill(level),
  tiles: 2,
  tileSize: 28,
  imageSize: { width: 28, height: 28 },
});

function answer(model: Model, text: string, picture?: Visual): number[] {
  return noGrad(() => {
    const ids = [...(picture ? [-200] : []), ...model.tokenizer.encode(text)];
    using prompt = promptEmbeddings(model, ids, picture ? [picture] : []);
    const run = decode(model, prompt, { genLength: 32, steps: 16 });
    let turn = run.next();
    while (!turn.done) turn = run.next();
    return (turn.value as DecodeResult).tokens;
  });
}

describe("writeTinyModel", () => {
  test("the model talks: many different printable tokens, others for another seed or prompt", async () => {
    for (const seed of [0, 1]) {
      using model = await loadModelFolder(write({ seed }));
      const tokens = answer(model, "What is in the image?");
      expect(new Set(tokens).size).toBeGreaterThan(8);
      expect(model.tokenizer.decode(tokens)).toMatch(/^[ -~]+$/);
      expect(answer(model, "How many dogs?")).not.toEqual(tokens);
    }
  });

  test("the surest tokens are sure: rounding does not change an answer", async () => {
    const folder = write();
    using model = await loadModelFolder(folder);
    using precise = await loadModelFolder(folder, { dtype: "float64" });
    expect(answer(precise, "What is in the image?")).toEqual(answer(model, "What is in the image?"));
  });

  test("the answer depends on the picture", async () => {
    using model = await loadModelFolder(write());
    const answers = [0, 120].map((level) => answer(model, "What is it?", flatPicture(level)));
    expect(answers[0]).not.toEqual(answers[1]);
  });

  test("same seed, same bytes, sharded or not; grouped queries and other shapes load", async () => {
    const options = { layers: 3, hiddenSize: 32, heads: 4, kvHeads: 2, vocabSize: 450, tileSize: 42, gridTiles: 3 };
    const [one, again] = [write(options), write(options)].map((folder) =>
      readFileSync(join(folder, "model.safetensors")),
    );
    expect(one?.equals(again as Buffer)).toBe(true);
    const sharded = write({ ...options, maxShardBytes: 50_000 });
    using model = await loadModelFolder(sharded);
    expect(model.config.llada).toMatchObject({ layers: 3, kvHeads: 2, vocabSize: 450 });
    expect(model.vision?.geometry.patchesPerSide).toBe(3);
    expect(model.vision?.geometry.pinpoints).toHaveLength(9);
  });

  test("text-only models load under both namings and say the same", async () => {
    using renamed = await loadModelFolder(write({ textOnly: true, kvHeads: 2 }));
    using original = await loadModelFolder(write({ textOnly: true, kvHeads: 2, naming: "original" }));
    expect(renamed.vision).toBeUndefined();
    expect(answer(original, "dog")).toEqual(answer(renamed, "dog"));
  });
});
