/** Checkpoints of one file or of shards, written, replaced and read back. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { arange, ones, openCheckpoint, saveCheckpoint, saveSafetensors, scope, type TensorSource } from "../index.js";
import { everyKind, expectSame } from "../testing/tensors.js";
import { test } from "../testing/test.js";

describe("saveCheckpoint and openCheckpoint", () => {
  test("one file when it fits", ({ at }) => {
    scope(() => {
      const tensors = everyKind();
      expect(saveCheckpoint(at("new", "ck"), tensors)).toEqual([at("new", "ck", "model.safetensors")]);
      using checkpoint = openCheckpoint(at("new", "ck"));
      expect(checkpoint.metadata).toEqual({ format: "pt" });
      expect(checkpoint.files).toEqual([at("new", "ck", "model.safetensors")]);
      for (const name of checkpoint.names()) expectSame(checkpoint.get(name), tensors[name]!);
    });
  });

  test("shards and an index when it does not", ({ folder, at }) => {
    scope(() => {
      const tensors = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`t${i}`, ones([100]).mul(i)]));
      saveCheckpoint(folder, tensors, { maxShardBytes: 900 });
      const shards = [1, 2, 3, 4].map((i) => `model-0000${i}-of-00004.safetensors`);
      expect(readdirSync(folder).sort()).toEqual([...shards, "model.safetensors.index.json"]);
      const index = JSON.parse(readFileSync(at("model.safetensors.index.json"), "utf8"));
      expect(index.metadata).toEqual({ total_size: 2800 });
      expect(index.weight_map).toMatchObject({ t0: shards[0], t1: shards[0], t2: shards[1], t6: shards[3] });

      using checkpoint = openCheckpoint(folder);
      expect(checkpoint.names()).toEqual(Object.keys(tensors));
      expect(checkpoint.totalBytes).toBe(2800);
      expect(checkpoint.files).toEqual(shards.map((name) => at(name)));
      expect(checkpoint.info("t6")).toEqual({
        dtype: "float32",
        shape: [100],
        begin: 0,
        end: 400,
        file: at(shards[3]!),
      });
      expect(checkpoint.has("t6") && !checkpoint.has("t7")).toBe(true);
      for (const name of checkpoint.names()) expectSame(checkpoint.get(name), tensors[name]!);
      expect(() => checkpoint.get("t7")).toThrow(`${folder}: has no tensor "t7"`);
      expect(() => checkpoint.info("toString")).toThrow(/has no tensor "toString"/);
    });
  });

  test("a tensor larger than a shard has one of its own", ({ folder }) => {
    scope(() => saveCheckpoint(folder, { a: ones([100]), b: ones([1]), c: ones([1]) }, { maxShardBytes: 8 }));
    const checkpoint = openCheckpoint(folder);
    expect(checkpoint.files.length).toBe(2);
  });

  test("a newer checkpoint replaces an older one of any layout, and nothing else in the folder", ({ folder, at }) => {
    writeFileSync(at("config.json"), "{}");
    writeFileSync(at("modelling.safetensors"), "not ours");
    const save = (value: number, maxShardBytes: number): void =>
      scope(
        () =>
          void saveCheckpoint(
            folder,
            { a: ones([10]).mul(value), b: ones([10]).mul(value), c: ones([10]).mul(value) },
            { maxShardBytes },
          ),
      );
    const values = (): number[] =>
      scope(() => {
        using checkpoint = openCheckpoint(folder);
        return checkpoint.names().map((name) => checkpoint.get(name).amax().item());
      });
    for (const [value, maxShardBytes, files] of [
      [1, 40, 4],
      [2, 80, 3],
      [3, 1e9, 1],
      [4, 40, 4],
      [5, 40, 4],
      [6, 1e9, 1],
      [7, 80, 3],
    ] as const) {
      save(value, maxShardBytes);
      expect(values()).toEqual([value, value, value]);
      expect(readdirSync(folder).length).toBe(files + 2);
    }
  });

  test("saving over the checkpoint that is being read from", ({ folder }) => {
    scope(() => {
      saveCheckpoint(folder, { a: arange(0, 10), b: ones([4]) });
      using checkpoint = openCheckpoint(folder);
      saveCheckpoint(
        folder,
        checkpoint
          .names()
          .map((name): TensorSource => ({ ...checkpoint.info(name), name, tensor: () => checkpoint.get(name).mul(2) })),
      );
      using after = openCheckpoint(folder);
      expect(after.get("a").toNumbers()).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    });
  });

  test("linked files are followed, as in the hub's cache", ({ at }) => {
    mkdirSync(at("blobs"));
    mkdirSync(at("snapshot"));
    scope(() => saveSafetensors(at("blobs", "0a1b"), { x: ones([1]) }));
    symlinkSync(at("blobs", "0a1b"), at("snapshot", "model.safetensors"));
    using checkpoint = openCheckpoint(at("snapshot"));
    expect(checkpoint.names()).toEqual(["x"]);
  });
});
