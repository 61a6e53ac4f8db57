/** Which files a checkpoint is read from, and what is no checkpoint. */
import { existsSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { ones, openCheckpoint, SafetensorsError, saveSafetensors, scope, type Tensor } from "../index.js";
import { test as base } from "../testing/test.js";

const test = base
  /** Writes a file with tensors of these names. */
  .extend("file", ({ at }) => {
    return (name: string, ...tensors: string[]): void =>
      scope(() =>
        saveSafetensors(
          at(name),
          tensors.map((t): [string, Tensor] => [t, ones([2])]),
        ),
      );
  })
  /** Writes an index, whatever it says. */
  .extend("index", ({ at }) => {
    return (weightMap: unknown, name = "model.safetensors.index.json"): void =>
      writeFileSync(at(name), JSON.stringify({ metadata: {}, weight_map: weightMap }));
  })
  /** Why the folder is not opened. */
  .extend("refused", ({ folder }) => {
    return (path = folder): string => {
      try {
        openCheckpoint(path);
      } catch (error) {
        expect(error).toBeInstanceOf(SafetensorsError);
        expect((error as Error).message).not.toContain("\n");
        return (error as Error).message;
      }
      return "no error";
    };
  });

describe("openCheckpoint finds and refuses", () => {
  test("a file, an index, or a folder with one of them under any name", ({ file, index, folder, at }) => {
    file("siglip.safetensors", "x");
    expect(openCheckpoint(folder).names()).toEqual(["x"]);
    expect(openCheckpoint(at("siglip.safetensors")).names()).toEqual(["x"]);
    index({ x: "siglip.safetensors" }, "other.safetensors.index.json");
    expect(openCheckpoint(folder).names()).toEqual(["x"]);
    expect(openCheckpoint(at("other.safetensors.index.json")).files).toEqual([at("siglip.safetensors")]);
    file("model.safetensors", "y");
    expect(openCheckpoint(folder).names()).toEqual(["y"]);
  });

  test("the index decides where a single file lies beside its shards, and the file is told of", ({
    file,
    index,
    folder,
    at,
  }) => {
    file("model-00001-of-00002.safetensors", "a");
    file("model-00002-of-00002.safetensors", "b");
    index({ a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" });
    expect(openCheckpoint(folder)).toMatchObject({ unread: [], index: at("model.safetensors.index.json") });
    file("model.safetensors", "stray");
    expect(openCheckpoint(folder).names()).toEqual(["a", "b"]);
    expect(openCheckpoint(folder).unread).toEqual(["model.safetensors"]);
  });

  test("an index without any of its files is a leftover, one with some is not", ({ file, index, folder, refused }) => {
    file("model.safetensors", "whole");
    index({ a: "1.safetensors", b: "2.safetensors" });
    const checkpoint = openCheckpoint(folder);
    expect(checkpoint.names()).toEqual(["whole"]);
    expect(checkpoint).toMatchObject({ unread: ["model.safetensors.index.json"], index: undefined });
    file("1.safetensors", "a");
    expect(refused()).toMatch(/1 of the 2 files in model\.safetensors\.index\.json are missing: 2\.safetensors/);
    index({ whole: "model.safetensors" });
    expect(openCheckpoint(folder).unread).toEqual([]);
  });

  test("an index by itself", ({ index, refused }) => {
    index({ a: "model-00001-of-00001.safetensors" });
    expect(refused()).toMatch(/1 of the 1 files in .* are missing: model-00001-of-00001\.safetensors/);
  });

  test("shards without their index", ({ file, refused, folder }) => {
    file("model-00001-of-00002.safetensors", "a");
    const first = `${folder}: has shards (model-00001-of-00002.safetensors`;
    expect(refused()).toBe(`${first}) and no model.safetensors.index.json, which says what belongs together`);
    file("model-00002-of-00002.safetensors", "b");
    expect(refused()).toContain(`${first}, model-00002-of-00002.safetensors) and no model.safetensors.index.json`);
  });

  test("what else looks like weights of a whole model is told of, other files are not", ({
    file,
    index,
    folder,
    at,
  }) => {
    file("1.safetensors", "a");
    index({ a: "1.safetensors" });
    const others = ["consolidated.safetensors", "model-00003-of-00003.safetensors", "model.fp16.safetensors"];
    for (const name of [...others, "optimizer.safetensors", "mm_projector.safetensors"]) file(name, "a");
    for (const name of ["pytorch_model.bin", "training_args.bin"]) writeFileSync(at(name), "");
    index({ a: "1.safetensors" }, "model.fp16.safetensors.index.json");
    expect(openCheckpoint(folder).files).toEqual([at("1.safetensors")]);
    expect(openCheckpoint(folder).unread).toEqual(
      [...others, "model.fp16.safetensors.index.json", "pytorch_model.bin"].sort(),
    );
    expect(openCheckpoint(at("1.safetensors")).unread).toEqual([]);
  });

  test("nothing, or too much", ({ file, refused, folder, at }) => {
    expect(refused(at("missing"))).toBe(`${at("missing")}: cannot be read: there is no such file or folder`);
    expect(refused()).toBe(`${folder}: has no safetensors files`);
    writeFileSync(at("pytorch_model.bin"), "");
    expect(refused()).toBe(
      `${folder}: has no safetensors files, only pytorch_model.bin, which must be converted first`,
    );
    file("a.safetensors", "x");
    file("b.safetensors", "x");
    expect(refused()).toBe(
      `${folder}: has several *.safetensors and neither model.safetensors nor model.safetensors.index.json: a.safetensors, b.safetensors. Name the one to read`,
    );
  });

  test("missing shards, all in one error", ({ file, index, refused, folder }) => {
    file("1.safetensors", "a");
    index({ a: "1.safetensors", b: "2.safetensors", c: "3.safetensors" });
    expect(refused()).toBe(
      `${folder}: 2 of the 3 files in model.safetensors.index.json are missing: 2.safetensors, 3.safetensors`,
    );
  });

  test("shards that do not hold what the index says", ({ file, index, refused, folder, at }) => {
    file("1.safetensors", "a");
    file("2.safetensors", "c", "extra");
    index({ a: "1.safetensors", b: "1.safetensors", c: "1.safetensors", d: "2.safetensors" });
    expect(refused()).toBe(
      `${at("model.safetensors.index.json")}: does not fit its files: "b" is not in 1.safetensors, "c" is in 2.safetensors, not in 1.safetensors, "d" is not in 2.safetensors`,
    );
    index({ a: "1.safetensors", c: "2.safetensors" });
    expect(openCheckpoint(folder).names().sort()).toEqual(["a", "c", "extra"]);
  });

  test("a tensor in two shards", ({ file, index, refused, at }) => {
    file("1.safetensors", "a", "b");
    file("2.safetensors", "b");
    index({ a: "1.safetensors", b: "2.safetensors" });
    expect(refused()).toBe(`tensor "b" is in ${at("1.safetensors")} and again in 2.safetensors`);
  });

  test("an index that leads out of the folder, or is none", ({ index, refused, at }) => {
    for (const path of ["../secret.safetensors", "/etc/passwd", "a/../../x", "..\\x", "a\0b"]) {
      index({ a: path });
      expect(refused()).toMatch(/weight_map puts "a" into .*, which is outside of the folder$/s);
    }
    for (const [content, message] of [
      ["{", /is not JSON/],
      ["null", /has no weight_map/],
      ["{}", /has no weight_map/],
      ['{"weight_map":[]}', /has no weight_map/],
      ['{"weight_map":{}}', /lists no tensors/],
      ['{"weight_map":{"a":3}}', /gives "a" no file name/],
    ] as const) {
      writeFileSync(at("model.safetensors.index.json"), content);
      expect(refused()).toMatch(message);
    }
  });

  test("damaged shards are named", ({ file, index, refused, at }) => {
    file("1.safetensors", "a");
    index({ a: "1.safetensors" });
    truncateSync(at("1.safetensors"), statSync(at("1.safetensors")).size - 1);
    expect(refused()).toMatch(
      /1\.safetensors: tensor "a" ends at byte 8 of the data, which has 7 bytes: the file is cut off/,
    );
    expect(existsSync(at("1.safetensors"))).toBe(true);
  });
});
