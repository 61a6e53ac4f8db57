/** What tests are given: `test("...", ({ folder, model }) => ...)` sets up what it names, and nothing else.
 *
 *  What needs libtorch is imported when a test asks for it, so that the others start at once. A file that wants another
 *  model extends `tinyModel` or `model`; both are made once for a file. */
import { fileURLToPath } from "node:url";
import { test as base, vi } from "vitest";
import type { VisionLanguageModel } from "../inference/vision-language-model.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { folderOfTest, makeFolder, removeFolder } from "./folders.js";

/** A tokenizer of 408 tokens with all that LLaDA's has. */
export const tokenizerFolder = fileURLToPath(new URL("../../src/text/testdata/tokenizer", import.meta.url));
/** Pictures: color.jpg, rgba.png, grey.jpg, ... */
export const pictureFolder = fileURLToPath(new URL("../../src/vision/fixtures", import.meta.url));

/** What the code under test wrote to the process's streams, which stay quiet. */
export interface Output {
  stdout: string;
  stderr: string;
}

export const test = base
  /** The one of `tokenizerFolder`. */
  .extend("tokenizer", { scope: "worker" }, async (): Promise<Tokenizer> => {
    const { loadTokenizer } = await import("../text/tokenizer.js");
    return loadTokenizer(tokenizerFolder);
  })
  /** A folder for all tests of a file. */
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads what a fixture needs from this pattern.
  .extend("sharedFolder", { scope: "file" }, ({}, { onCleanup }): string => {
    const path = makeFolder();
    onCleanup(() => removeFolder(path));
    return path;
  })
  /** The folder of a tiny LLaDA-V. */
  .extend("tinyModel", { scope: "file" }, async ({ sharedFolder }): Promise<string> => {
    const { writeTinyModel } = await import("./tiny-model.js");
    return writeTinyModel(`${sharedFolder}/tiny-model`);
  })
  /** The tiny model, loaded. */
  .extend("model", { scope: "file" }, async ({ tinyModel }, { onCleanup }): Promise<VisionLanguageModel> => {
    const { loadModel } = await import("../inference/vision-language-model.js");
    const model = await loadModel(tinyModel, { keepPictures: 0 }); // tests count tensors
    onCleanup(() => model[Symbol.dispose]());
    return model;
  })
  /** A folder of the test's own. */
  .extend("folder", (): string => folderOfTest())
  .extend("output", ({ onTestFinished }): Output => {
    const output: Output = { stdout: "", stderr: "" };
    const before = process.exitCode;
    process.exitCode = undefined;
    const spies = (["stdout", "stderr"] as const).map((name) =>
      vi.spyOn(process[name], "write").mockImplementation((text) => {
        output[name] += text;
        return true;
      }),
    );
    onTestFinished(() => {
      for (const spy of spies) spy.mockRestore();
      process.exitCode = before;
    });
    return output;
  });
