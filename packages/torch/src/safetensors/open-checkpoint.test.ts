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
