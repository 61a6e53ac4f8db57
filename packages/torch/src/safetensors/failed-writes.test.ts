/** What is said, and what is left, when writing fails. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect } from "vitest";
import {
  type DType,
  ones,
  openCheckpoint,
  saveCheckpoint,
  saveCheckpointInTurns,
  saveSafetensors,
  scope,
  type TensorSource,
  zeros,
} from "../index.js";
import { builtPackage } from "../testing/built.js";
import { test } from "../testing/test.js";

describe("a write that fails", () => {
  test("a source that is not what was announced is an error, and leaves nothing behind", ({ folder, at }) => {
    writeFileSync(at("a"), "old");
    const wrong = (dtype: DType, shape: number[]): TensorSource => ({
      name: "x",
      dtype,
      shape,
      tensor: () => zeros([2, 3]),
    });
    expect(() => saveSafetensors(at("a"), [wrong("float32", [3, 2])])).toThrow(
      'tensor "x" was to be float32 [3, 2] but came as float32 [2, 3]',
    );
    expect(() => saveSafetensors(at("a"), [wrong("int8", [2, 3])])).toThrow(/was to be int8/);
    const broken: TensorSource = { ...wrong("float32", [2, 3]), tensor: () => ones([2]).view([3]) };
    expect(() => saveSafetensors(at("a"), [broken])).toThrow(/aten::view/);
    expect(readdirSync(folder)).toEqual(["a"]);
    expect(readFileSync(at("a"), "utf8")).toBe("old");
  });

  test("in turns it hears others between two tensors, and one that is stopped there leaves nothing behind", async ({
    folder,
    at,
  }) => {
    const stop = new AbortController();
    const source = (name: string): TensorSource => ({
      ...{ name, dtype: "float32", shape: [2] },
      tensor() {
        if (name === "b") setTimeout(() => stop.abort(new Error("told to end")), 0);
        return ones([2]);
      },
    });
    const names = Array.from({ length: 200 }, (_, i) => (i === 1 ? "b" : `x${i}`));
    const stopped = saveCheckpointInTurns(at("ck"), names.map(source), { maxShardBytes: 16, signal: stop.signal });
    await expect(stopped).rejects.toThrow("told to end");
    expect(readdirSync(at("ck"))).toEqual([]);
    const written = await saveCheckpointInTurns(at("ck"), ["x", "y"].map(source));
    expect(written).toEqual(
      saveCheckpoint(at("other"), ["x", "y"].map(source)).map((path) => path.replace("other", "ck")),
    );
    expect(readFileSync(at("ck", "model.safetensors"))).toEqual(readFileSync(at("other", "model.safetensors")));
    expect(readdirSync(folder).sort()).toEqual(["ck", "other"]);
  });

  test("where nothing can be written is one clear error", ({ folder, at }) => {
    using x = ones([1]);
    expect(() => saveSafetensors(at("no", "such", "a"), { x })).toThrow(
      `${at("no", "such", "a")}: cannot be written: there is no such file or folder`,
    );
    mkdirSync(at("a"));
    expect(() => saveSafetensors(at("a"), { x })).toThrow(/a: cannot be written: it is a folder/);
    expect(readdirSync(folder)).toEqual(["a"]);
    if (process.getuid?.() !== 0) {
      mkdirSync(at("locked"));
      chmodSync(at("locked"), 0o500);
      expect(() => saveSafetensors(at("locked", "a"), { x })).toThrow(/permission denied/);
    }
  });

  test("a full disk is one clear error and leaves the old file", ({ folder, at }) => {
    writeFileSync(at("a"), "old");
    const program = `
      import { ones, saveSafetensors, saveCheckpoint } from ${JSON.stringify(builtPackage())};
      process.on("SIGXFSZ", () => {});
      const x = ones([1000000]);
      for (const save of [() => saveSafetensors(process.argv[1] + "/a", { x }), () => saveCheckpoint(process.argv[1] + "/ck", { x, y: x }, { maxShardBytes: 1 })])
        try { save(); console.log("written"); } catch (e) { console.log(e.name, e.message); }`;
    // A limit on the size of files stands for the full disk, which a test cannot have.
    const { stdout } = spawnSync(
      "sh",
      ["-c", 'ulimit -f 2000 && exec "$0" --input-type=module -e "$1" "$2"', process.execPath, program, folder],
      {
        encoding: "utf8",
      },
    );
    expect(stdout.trim().split("\n")).toEqual([
      `SafetensorsError ${at("a")}: cannot be written: the file is larger than the system allows`,
      `SafetensorsError ${at("ck", "model-00001-of-00002.safetensors")}: cannot be written: the file is larger than the system allows`,
    ]);
    expect(readFileSync(at("a"), "utf8")).toBe("old");
    expect(readdirSync(folder).sort()).toEqual(["a", "ck"]);
    expect(readdirSync(at("ck"))).toEqual([]);
  });

  test("a failure keeps the old checkpoint", ({ folder }) => {
    scope(() => saveCheckpoint(folder, { a: ones([10]), b: ones([10]) }, { maxShardBytes: 40 }));
    const before = readdirSync(folder).sort();
    const sources: TensorSource[] = [
      { name: "a", dtype: "float32", shape: [10], tensor: () => zeros([10]) },
      {
        name: "b",
        dtype: "float32",
        shape: [10],
        tensor: () => {
          throw new Error("no more");
        },
      },
    ];
    expect(() => saveCheckpoint(folder, sources, { maxShardBytes: 40 })).toThrow("no more");
    expect(readdirSync(folder).sort()).toEqual(before);
    using checkpoint = openCheckpoint(folder);
    using a = checkpoint.get("a");
    expect(a.toNumbers()).toEqual(Array(10).fill(1));
  });
});
