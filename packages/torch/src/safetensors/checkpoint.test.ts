/** Files and checkpoints: written, read back, found, refused; and what is left when writing fails. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  arange,
  DTYPES,
  type DType,
  equal,
  Generator,
  memory,
  ones,
  openCheckpoint,
  randint,
  randn,
  SafetensorsError,
  SafetensorsFile,
  saveCheckpoint,
  saveSafetensors,
  scope,
  type Tensor,
  type TensorSource,
  tensor,
  zeros,
} from "../index.js";
import { builtPackage } from "../testing/built.js";
import { dtypeName } from "./format.js";

let folder = "";
let start = memory();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rediff-checkpoint-"));
  start = memory();
});
afterEach(() => {
  expect(memory()).toEqual(start);
  rmSync(folder, { recursive: true });
});

const at = (...names: string[]): string => join(folder, ...names);

/** One tensor of every dtype, shapes of every kind, strides of no kind. */
function everything(): Record<string, Tensor> {
  const generator = new Generator(1);
  const tensors: Record<string, Tensor> = {};
  for (const dtype of DTYPES) tensors[`of ${dtype}`] = randint(0, 2, [3, 5], generator).to({ dtype });
  tensors.transposed = randn([7, 4], generator).t();
  tensors.expanded = tensor([1, 2]).view([2, 1]).expand([2, 3]);
  tensors.scalar = tensor(3.5);
  tensors.empty = zeros([0, 4]);
  tensors['"quoted" \u00e9\n'] = ones([2], { dtype: "bfloat16" });
  return tensors;
}

function expectSame(found: Tensor, wanted: Tensor): void {
  expect(found.dtype).toBe(wanted.dtype);
  expect(found.shape).toEqual(wanted.shape);
  expect(found.data(found.dtype)).toEqual(wanted.data(wanted.dtype));
}

describe("saveSafetensors and SafetensorsFile", () => {
  test("what is written is read", () => {
    scope(() => {
      const tensors = everything();
      saveSafetensors(at("a.safetensors"), tensors, { metadata: { format: "pt", note: "\u00e9" } });
      using file = SafetensorsFile.open(at("a.safetensors"));
      expect(file.header.metadata).toEqual({ format: "pt", note: "\u00e9" });
      expect(file.names().sort()).toEqual(Object.keys(tensors).sort());
      for (const name of file.names()) expectSame(file.get(name), tensors[name]!);
      expect(readdirSync(folder)).toEqual(["a.safetensors"]);
      expect(file.header.dataOffset % 8).toBe(0);
    });
  });

  test("takes Maps, pairs and sources, in any mixture", () => {
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

  test("tensors outlive the file object, and the file", () => {
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

  test("the file is mapped once, and not changed by who changes a tensor", () => {
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

  test("unaligned tensors are copied and right", () => {
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

  test("a mapped tensor can be trained", () => {
    scope(() => {
      saveSafetensors(at("a"), { x: ones([2]) });
      using file = SafetensorsFile.open(at("a"));
      expect(file.get("x").setRequiresGrad().mul(2).requiresGrad).toBe(true);
    });
  });

  test("large tensors go through in chunks, also transposed ones and long rows", () => {
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

  test("sources are made one at a time and freed, unless they existed before", () => {
    using kept = ones([4]);
    const live: number[] = [];
    const sources = Array.from(
      { length: 5 },
      (_, i): TensorSource => ({
        name: `t${i}`,
        dtype: "float32",
        shape: [4],
        tensor: () => {
          live.push(memory().tensors - start.tensors);
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

  test("a source that is not what was announced is an error, and leaves nothing behind", () => {
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

  test("names must be different, and not the metadata's", () => {
    using x = ones([1]);
    expect(() =>
      saveSafetensors(at("a"), [
        ["x", x],
        ["x", x],
      ]),
    ).toThrow('two tensors are called "x"');
    expect(() => saveSafetensors(at("a"), { __metadata__: x })).toThrow(/__metadata__/);
  });

  test("where nothing can be written is one clear error", () => {
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

  test("a full disk is one clear error and leaves the old file", () => {
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

  test("Python's safetensors reads what is written", ({ skip }) => {
    const tensors = scope(() => {
      const made = everything();
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
});

describe("saveCheckpoint and openCheckpoint", () => {
  test("one file when it fits", () => {
    scope(() => {
      const tensors = everything();
      expect(saveCheckpoint(at("new", "ck"), tensors)).toEqual([at("new", "ck", "model.safetensors")]);
      using checkpoint = openCheckpoint(at("new", "ck"));
      expect(checkpoint.metadata).toEqual({ format: "pt" });
      expect(checkpoint.files).toEqual([at("new", "ck", "model.safetensors")]);
      for (const name of checkpoint.names()) expectSame(checkpoint.get(name), tensors[name]!);
    });
  });

  test("shards and an index when it does not", () => {
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

  test("a tensor larger than a shard has one of its own", () => {
    scope(() => saveCheckpoint(folder, { a: ones([100]), b: ones([1]), c: ones([1]) }, { maxShardBytes: 8 }));
    const checkpoint = openCheckpoint(folder);
    expect(checkpoint.files.length).toBe(2);
  });

  test("a newer checkpoint replaces an older one of any layout, and nothing else in the folder", () => {
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

  test("saving over the checkpoint that is being read from", () => {
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

  test("a failure keeps the old checkpoint", () => {
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

  test("linked files are followed, as in the hub's cache", () => {
    mkdirSync(at("blobs"));
    mkdirSync(at("snapshot"));
    scope(() => saveSafetensors(at("blobs", "0a1b"), { x: ones([1]) }));
    symlinkSync(at("blobs", "0a1b"), at("snapshot", "model.safetensors"));
    using checkpoint = openCheckpoint(at("snapshot"));
    expect(checkpoint.names()).toEqual(["x"]);
  });
});

describe("openCheckpoint finds and refuses", () => {
  const file = (name: string, ...tensors: string[]): void =>
    scope(() =>
      saveSafetensors(
        at(name),
        tensors.map((t): [string, Tensor] => [t, ones([2])]),
      ),
    );
  const index = (weightMap: unknown, name = "model.safetensors.index.json"): void =>
    writeFileSync(at(name), JSON.stringify({ metadata: {}, weight_map: weightMap }));
  const refused = (path = folder): string => {
    try {
      openCheckpoint(path);
    } catch (error) {
      expect(error).toBeInstanceOf(SafetensorsError);
      expect((error as Error).message).not.toContain("\n");
      return (error as Error).message;
    }
    return "no error";
  };

  test("a file, an index, or a folder with one of them under any name", () => {
    file("siglip.safetensors", "x");
    expect(openCheckpoint(folder).names()).toEqual(["x"]);
    expect(openCheckpoint(at("siglip.safetensors")).names()).toEqual(["x"]);
    index({ x: "siglip.safetensors" }, "other.safetensors.index.json");
    expect(openCheckpoint(folder).names()).toEqual(["x"]);
    expect(openCheckpoint(at("other.safetensors.index.json")).files).toEqual([at("siglip.safetensors")]);
    file("model.safetensors", "y");
    expect(openCheckpoint(folder).names()).toEqual(["y"]);
  });

  test("nothing, or too much", () => {
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

  test("missing shards, all in one error", () => {
    file("1.safetensors", "a");
    index({ a: "1.safetensors", b: "2.safetensors", c: "3.safetensors" });
    expect(refused()).toBe(
      `${folder}: 2 of the 3 files in model.safetensors.index.json are missing: 2.safetensors, 3.safetensors`,
    );
  });

  test("shards that do not hold what the index says", () => {
    file("1.safetensors", "a");
    file("2.safetensors", "c", "extra");
    index({ a: "1.safetensors", b: "1.safetensors", c: "1.safetensors", d: "2.safetensors" });
    expect(refused()).toBe(
      `${at("model.safetensors.index.json")}: does not fit its files: "b" is not in 1.safetensors, "c" is in 2.safetensors, not in 1.safetensors, "d" is not in 2.safetensors`,
    );
    index({ a: "1.safetensors", c: "2.safetensors" });
    expect(openCheckpoint(folder).names().sort()).toEqual(["a", "c", "extra"]);
  });

  test("a tensor in two shards", () => {
    file("1.safetensors", "a", "b");
    file("2.safetensors", "b");
    index({ a: "1.safetensors", b: "2.safetensors" });
    expect(refused()).toBe(`tensor "b" is in ${at("1.safetensors")} and again in 2.safetensors`);
  });

  test("an index that leads out of the folder, or is none", () => {
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

  test("damaged shards are named", () => {
    file("1.safetensors", "a");
    index({ a: "1.safetensors" });
    truncateSync(at("1.safetensors"), statSync(at("1.safetensors")).size - 1);
    expect(refused()).toMatch(
      /1\.safetensors: tensor "a" ends at byte 8 of the data, which has 7 bytes: the file is cut off/,
    );
    expect(existsSync(at("1.safetensors"))).toBe(true);
  });
});
