/** `rediff convert` and `rediff inspect`: flags in, stdout, stderr and exit status out. What they do is tested beside
 *  models/convert.ts and models/inspect.ts. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, vi } from "vitest";
import { test } from "../../testing/fixtures.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { writeTinyModel, writeTinySiglip } from "../../testing/tiny-model.js";
import { convertCommand } from "./convert.js";
import { inspectCommand } from "./inspect.js";

const scratch = folderOfEachTest();
const { at } = scratch;

const quiet = (command: Command) => command.exitOverride().configureOutput({ outputError: () => undefined });
const convert = (...args: string[]) => quiet(convertCommand()).parseAsync(args, { from: "user" });
const inspect = (...args: string[]) => quiet(inspectCommand()).parseAsync(args, { from: "user" });

const original = () => writeTinyModel(at("llada"), { textOnly: true, naming: "original" });
const config = (folder: string) => JSON.parse(readFileSync(join(at(folder), "config.json"), "utf8"));

describe("rediff convert", () => {
  test("renames, prints the folder, and inspect is content with it", async ({ output }) => {
    original();
    await convert(at("llada"), at("renamed"));
    expect(output.stdout).toBe(`${at("renamed")}\n`);
    expect(output.stderr).toMatch(/^21 tensors, [\d,]+ parameters, [\d.]+ kB\n$/);
    output.stdout = "";
    await inspect(at("renamed"));
    expect(output.stdout).toMatch(/^kind +LLaDA, text only$/m);
    expect(process.exitCode).toBeUndefined();
  });

  test("--json prints one line and nothing else", async ({ output }) => {
    original();
    await convert(at("llada"), at("renamed"), "--json", "--max-shard-size", "100kB");
    expect(JSON.parse(output.stdout)).toMatchObject({ output: at("renamed"), tensors: 21, notes: [] });
    expect(existsSync(join(at("renamed"), "model.safetensors.index.json"))).toBe(true);
    expect(output.stderr).toBe("");
  });

  test("--vision assembles a LLaDA-V with what the other options say", async ({ output }) => {
    original();
    writeTinySiglip(at("siglip2"));
    const flags = ["--projector", "mlp3x_gelu", "--dtype", "bfloat16", "--aspect-ratio", "anyres", "--grid-tiles", "2"];
    await convert(
      at("llada"),
      at("start"),
      "--vision",
      at("siglip2"),
      ...flags,
      "--max-positions",
      "512",
      "--seed",
      "1",
    );
    expect(output.stderr).toMatch(/projector mlp3x_gelu fresh from seed 1/);
    expect(config("start")).toMatchObject({
      model_type: "llava_llada",
      mm_vision_tower: at("siglip2"),
      mm_projector_type: "mlp3x_gelu",
      torch_dtype: "bfloat16",
      image_aspect_ratio: "anyres",
      image_grid_pinpoints: [
        [28, 28],
        [28, 56],
        [56, 28],
        [56, 56],
      ],
      max_position_embeddings: 512,
    });
    await inspect(at("start"), "--json");
    expect(process.exitCode).toBeUndefined();
  });

  test("options that need --vision say so", async () => {
    original();
    await expect(convert(at("llada"), at("renamed"), "--projector-weights", "x.bin")).rejects.toThrow(
      /--projector-weights is about assembling a LLaDA-V, and there is no --vision/,
    );
    expect(existsSync(at("renamed"))).toBe(false);
  });

  test.each([
    [["--max-shard-size", "5 apples"], /such as 5GB/],
    [["--seed", "-1"], /whole number from 0/],
    [["--dtype", "int8"], /Allowed choices/],
  ])("refuses %s", async (flags, message) => {
    original();
    await expect(convert(at("llada"), at("renamed"), ...flags)).rejects.toThrow(message);
  });

  test("a model that is neither folder nor in the cache", async () => {
    vi.stubEnv("HF_HUB_CACHE", scratch.path);
    await expect(convert("org/absent", at("renamed"))).rejects.toThrow(/neither a folder nor a model in the cache/);
    vi.unstubAllEnvs();
  });
});

describe("rediff inspect", () => {
  test("prints JSON, tensors included, on one line", async ({ output }) => {
    writeTinyModel(at("model"));
    await inspect(at("model"), "--json", "--tensors");
    expect(output.stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(output.stdout).tensors).toHaveLength(63);
  });

  test("lists tensors after the summary", async ({ output }) => {
    writeTinyModel(at("model"));
    await inspect(at("model"), "--tensors");
    expect(output.stdout).toMatch(/complete +yes\n\n(.+\t.+\t\[.*\]\t.+\n)+$/);
  });

  test("fails for a folder that is broken, and shows what there is", async ({ output }) => {
    writeTinyModel(at("model"));
    rmSync(at("model/tokenizer.json"));
    await inspect(at("model"));
    expect(process.exitCode).toBe(1);
    expect(output.stdout).toMatch(/^PROBLEMS +.*tokenizer\.json: no such file$/m);
    expect(output.stdout).toMatch(/^language +2 layers/m);
  });
});
