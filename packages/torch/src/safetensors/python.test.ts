/** Files that Python reads, and files that it wrote. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { DTYPES, SafetensorsFile, saveSafetensors, scope } from "../index.js";
import { everyKind } from "../testing/tensors.js";
import { test } from "../testing/test.js";
import { dtypeName } from "./format.js";

describe("Python's safetensors", () => {
  test("Python's safetensors reads what is written", ({ skip, at }) => {
    const tensors = scope(() => {
      const made = everyKind();
      saveSafetensors(at("a.safetensors"), made, { metadata: { format: "pt" } });
      return Object.fromEntries(Object.entries(made).map(([name, t]) => [name, { dtype: t.dtype, shape: t.shape }]));
    });
    const code = `
import json, sys
try:
    from safetensors import safe_open
except ImportError:
    sys.exit(77)
with safe_open(sys.argv[1], "np") as f:
    slices = {name: f.get_slice(name) for name in f.keys()}
    print(json.dumps([f.metadata(), {name: [s.get_dtype(), s.get_shape()] for name, s in slices.items()}]))`;
    const { stdout, status } = spawnSync("python3", ["-c", code, at("a.safetensors")], { encoding: "utf8" });
    if (status !== 0 && stdout === "") skip("no Python with safetensors");
    const [metadata, found] = JSON.parse(stdout) as [unknown, Record<string, [string, number[]]>];
    expect(metadata).toEqual({ format: "pt" });
    expect(found).toEqual(
      Object.fromEntries(Object.entries(tensors).map(([name, { dtype, shape }]) => [name, [dtypeName(dtype), shape]])),
    );
  });

  test("a file that Python wrote is read", () => {
    using file = SafetensorsFile.open(fileURLToPath(new URL("../../test/python.safetensors", import.meta.url)));
    expect(file.header.metadata).toEqual({ format: "pt" });
    scope(() => {
      for (const dtype of DTYPES) {
        const x = file.get(`of ${dtype}`);
        expect(x.dtype).toBe(dtype);
        expect(x.shape).toEqual([2, 2]);
        expect(x.toNumbers()).toEqual(dtype === "bool" ? [0, 1, 1, 1] : [0, 1, 2, 3]);
      }
      expect(file.get("scalar").item()).toBe(-1.5);
      expect(file.get("empty").shape).toEqual([0, 3]);
    });
  });

  test("all 256 codes of float8 are what Python has them for", () => {
    using file = SafetensorsFile.open(fileURLToPath(new URL("../../test/python.safetensors", import.meta.url)));
    scope(() => {
      for (const dtype of ["float8_e4m3fn", "float8_e5m2"]) {
        const codes = file.get(`codes of ${dtype}`);
        expect([codes.dtype, codes.shape]).toEqual([dtype, [256]]);
        expect(codes.toNumbers()).toEqual(file.get(`values of ${dtype}`).toNumbers());
      }
    });
  });
});
