/** Tensors of every kind, written and read back. */
import { readdirSync } from "node:fs";
import { describe, expect } from "vitest";
import { arange, equal, ones, SafetensorsFile, saveSafetensors, scope, type TensorSource, zeros } from "../index.js";
import { everyKind, expectSame } from "../testing/tensors.js";
import { test } from "../testing/test.js";

describe("saveSafetensors and SafetensorsFile", () => {
  test("what is written is read", ({ folder, at }) => {
    scope(() => {
      const tensors = everyKind();
      saveSafetensors(at("a.safetensors"), tensors, { metadata: { format: "pt", note: "\u00e9" } });
      using file = SafetensorsFile.open(at("a.safetensors"));
      expect(file.header.metadata).toEqual({ format: "pt", note: "\u00e9" });
      expect(file.names().sort()).toEqual(Object.keys(tensors).sort());
      for (const name of file.names()) expectSame(file.get(name), tensors[name]!);
      expect(readdirSync(folder)).toEqual(["a.safetensors"]);
      expect(file.header.dataOffset % 8).toBe(0);
    });
  });

  test("takes Maps, pairs and sources, in any mixture", ({ at }) => {
    scope(() => {
      const a = ones([2]);
      saveSafetensors(at("map"), new Map([["a", a]]));
      const source: TensorSource = {
        name: "b",
        dtype: "int8",
        shape: [3],
        tensor: () => zeros([3], { dtype: "int8" }),
      };
      saveSafetensors(at("mixed"), [["a", a], source]);
      using file = SafetensorsFile.open(at("mixed"));
      expect(file.names().sort()).toEqual(["a", "b"]);
      saveSafetensors(at("none"), {});
      expect(SafetensorsFile.open(at("none")).names()).toEqual([]);
    });
  });

  test("large tensors go through in chunks, also transposed ones and long rows", ({ at }) => {
    scope(() => {
      const x = arange(0, 3_000_000, 1, { dtype: "float32" });
      const entries = {
        rows: x.view([3000, 1000]),
        columns: x.view([3000, 1000]).t(),
        long: x.view([1, 3_000_000]),
        flat: x,
      };
      saveSafetensors(at("a"), entries);
      using file = SafetensorsFile.open(at("a"));
      for (const [name, wanted] of Object.entries(entries)) expect(equal(file.get(name), wanted), name).toBe(true);
    });
  });

  test("sources are made one at a time and freed, unless they existed before", ({ left, at }) => {
    using kept = ones([4]);
    const live: number[] = [];
    const sources = Array.from(
      { length: 5 },
      (_, i): TensorSource => ({
        name: `t${i}`,
        dtype: "float32",
        shape: [4],
        tensor: () => {
          live.push(left());
          return i === 2 ? kept : ones([4]).mul(i);
        },
      }),
    );
    saveSafetensors(at("a"), sources);
    expect(live).toEqual([1, 1, 1, 1, 1]);
    expect(kept.freed).toBe(false);
    using file = SafetensorsFile.open(at("a"));
    using t = file.get("t3");
    expect(t.toNumbers()).toEqual([3, 3, 3, 3]);
  });

  test("names must be different, and not the metadata's", ({ at }) => {
    using x = ones([1]);
    expect(() =>
      saveSafetensors(at("a"), [
        ["x", x],
        ["x", x],
      ]),
    ).toThrow('two tensors are called "x"');
    expect(() => saveSafetensors(at("a"), { __metadata__: x })).toThrow(/__metadata__/);
  });
});
