/** Tensors that lie in a mapped file. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { describe, expect } from "vitest";
import { arange, memory, ones, SafetensorsFile, saveSafetensors, scope, zeros } from "../index.js";
import { test } from "../testing/test.js";

/** A file of which nothing but the header takes room on the disk: all numbers are 0. */
function writeSparse(
  path: string,
  tensors: Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>,
) {
  const header = JSON.stringify(tensors);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([length, Buffer.from(header)]));
  const ends = Object.values(tensors).map(({ data_offsets: [, end = 0] }) => end);
  truncateSync(path, 8 + header.length + Math.max(...ends));
}

describe("SafetensorsFile", () => {
  test("tensors outlive the file object, and the file", ({ at }) => {
    scope(() => {
      saveSafetensors(at("a"), { x: arange(0, 5), y: ones([2]) });
      const file = SafetensorsFile.open(at("a"));
      const x = file.get("x");
      file[Symbol.dispose]();
      file[Symbol.dispose]();
      rmSync(at("a"));
      expect(x.toNumbers()).toEqual([0, 1, 2, 3, 4]);
      expect(() => file.get("y")).toThrow("was disposed");
    });
  });

  test("the file is mapped once, and not changed by who changes a tensor", ({ at }) => {
    scope(() => {
      saveSafetensors(at("a"), { x: zeros([1000]), y: zeros([1000]) });
      const before = readFileSync(at("a"));
      using file = SafetensorsFile.open(at("a"));
      const bytes = memory().bytes;
      const [x, again] = [file.get("x"), file.get("x")];
      file.get("y");
      expect(memory().bytes - bytes).toBe(before.length);
      x.add_(1);
      expect(again.sum().item()).toBe(1000); // the same memory
      expect(readFileSync(at("a"))).toEqual(before);
    });
  });

  // The system may count a private mapping that can be written to as memory that is taken, and refuse a larger one than it has.
  test("a file that is larger than all memory is mapped", ({ at }) => {
    const large = 3 * totalmem();
    writeSparse(at("a"), {
      large: { dtype: "U8", shape: [large], data_offsets: [0, large] },
      last: { dtype: "F32", shape: [2], data_offsets: [large, large + 8] },
    });
    scope(() => {
      using file = SafetensorsFile.open(at("a"));
      const last = file.get("last");
      expect(last.toNumbers()).toEqual([0, 0]);
      expect(last.add_(1).toNumbers()).toEqual([1, 1]);
      expect(
        file
          .get("large")
          .select(0, large - 1)
          .item(),
      ).toBe(0);
    });
  });

  test("a file that was cut off since its header was read is named, and not mapped", ({ at }) => {
    scope(() => {
      saveSafetensors(at("a"), { x: zeros([1000]) });
      using file = SafetensorsFile.open(at("a"));
      truncateSync(at("a"), 1000);
      expect(() => file.get("x")).toThrow(`${at("a")}: cannot be mapped: it was changed meanwhile`);
      rmSync(at("a"));
      expect(() => file.get("x")).toThrow(`${at("a")}: cannot be mapped: there is no such file or folder`);
    });
  });

  test("read gives the same numbers in memory of its own, and maps nothing", ({ at }) => {
    scope(() => {
      const [x, none] = [arange(0, 3_000_000), zeros([0, 2])];
      saveSafetensors(at("a"), { x: x.view([3, -1]), none, half: ones([3], { dtype: "bfloat16" }) });
      using file = SafetensorsFile.open(at("a"));
      const before = memory().bytes;
      const read = file.read("x"); // in several parts
      expect(memory().bytes - before).toBe(read.numel * 8);
      expect(read.equal(file.get("x"))).toBe(true);
      expect(file.read("half").toNumbers()).toEqual([1, 1, 1]);
      expect(file.read("none").shape).toEqual([0, 2]);
      read.add_(1);
      expect(file.get("x").select(0, 0).select(0, 0).item()).toBe(0);
      expect(() => file.read("nothing")).toThrow('has no tensor "nothing"');
      truncateSync(at("a"), 1000);
      expect(() => file.read("x")).toThrow("it was changed meanwhile");
    });
  });

  test("unaligned tensors are copied and right", ({ at }) => {
    const header =
      '{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"F32","shape":[2],"data_offsets":[3,11]}}';
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const data = Buffer.alloc(11);
    data.writeFloatLE(1.5, 3);
    data.writeFloatLE(-2, 7);
    writeFileSync(at("a"), Buffer.concat([length, Buffer.from(header), data]));
    using file = SafetensorsFile.open(at("a"));
    using b = file.get("b");
    expect(b.toNumbers()).toEqual([1.5, -2]);
  });

  test("a mapped tensor can be trained", ({ at }) => {
    scope(() => {
      saveSafetensors(at("a"), { x: ones([2]) });
      using file = SafetensorsFile.open(at("a"));
      expect(file.get("x").setRequiresGrad().mul(2).requiresGrad).toBe(true);
    });
  });
});
