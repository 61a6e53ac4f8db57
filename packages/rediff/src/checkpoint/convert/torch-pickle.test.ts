/** Files of torch.save: those in convert-testdata, made by make_fixtures.py there, and hostile ones made here. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { pickled, pickledDictionary, pickledTensor, storedZip, torchFile } from "../../testing/torch-save.js";
import { readTorchFile } from "./torch-pickle.js";

const testdata = (name: string) => fileURLToPath(new URL(`testdata/${name}`, import.meta.url));
const python = JSON.parse(readFileSync(testdata("python.json"), "utf8")) as {
  bfloat16: Record<string, number[]>;
  fresh: Record<string, number[]>;
};

const { path: root } = folderOfFile();
const zip = (members: Record<string, Buffer>): Buffer =>
  storedZip(Object.entries(members).map(([name, data]) => ({ name, data })));

function write(bytes: Buffer): string {
  const path = join(root, "file.bin");
  writeFileSync(path, bytes);
  return path;
}

const withPickle = (pickle: string) => write(zip({ "a/data.pkl": Buffer.from(pickle, "latin1") }));

describe("readTorchFile", () => {
  test("reads a projector as the original saves it", () => {
    const tensors = readTorchFile(testdata("mm_projector.bin"));
    expect([...tensors.keys()]).toEqual(Object.keys(python.bfloat16));
    for (const [name, tensor] of tensors) {
      expect(tensor.dtype).toBe("bfloat16");
      using wide = tensor.to({ dtype: "float32" });
      expect(wide.flatten().toNumbers()).toEqual(python.bfloat16[name]);
      tensor.dispose();
    }
  });

  test("reads an OrderedDict, views of a storage and parameters", () => {
    const tensors = readTorchFile(testdata("unusual.bin"));
    const strided = tensors.get("model.mm_projector.2.weight")!;
    expect(strided.shape).toEqual([6, 6]);
    expect(strided.select(0, 1).toNumbers()).toEqual([19, 25, 31, 37, 43, 49]);
    expect(tensors.get("parameter")!.toNumbers()).toEqual([1.5, -2]);
    expect(tensors.get("parameter")!.dtype).toBe("float64");
  });

  test("never calls what a pickle names", () => {
    const path = withPickle("\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.");
    expect(() => readTorchFile(path)).toThrow(/file\.bin: its pickle wants to call os\.system, which is refused/);
  });

  test.each([
    ["an instruction that builds objects", "\x80\x02}\x81.", /instruction 0x81/],
    ["a list instead of a dictionary", "\x80\x02].", /no dictionary of tensors/],
    ["a value that is no tensor", "\x80\x02}X\x01\0\0\0aK\x01s.", /"a" is no tensor/],
    ["an end in the middle", "\x80\x02}X\xff\0\0\0a", /pickle is cut off/],
    ["a stack that is empty", "\x80\x02R.", /pickle is damaged/],
  ])("says what is wrong with %s", (_, pickle, message) => {
    expect(() => readTorchFile(withPickle(pickle))).toThrow(message);
  });

  test("says what is wrong with other files", () => {
    expect(() => readTorchFile(write(Buffer.from("\x80\x02old torch")))).toThrow(/no file of torch\.save/);
    expect(() => readTorchFile(write(zip({ "a.txt": Buffer.from("x") })))).toThrow(/has no data\.pkl/);
    expect(() => readTorchFile(join(root, "absent.bin"))).toThrow(UserError);
  });

  /** A file with one tensor "a" of float32, as a pickle of protocol 4 has it. */
  const crafted = (change: {
    elements?: number;
    shape?: number[];
    stride?: number[];
    offset?: number;
    data?: Buffer;
  }) => {
    const {
      elements = 4,
      shape = [2, 2],
      stride = [2, 1],
      offset = 0,
      data = Buffer.from(new Float32Array(4).fill(7).buffer),
    } = change;
    const { int, text } = pickled;
    const tensor = pickledTensor({
      elements: int(elements),
      offset: int(offset),
      shape: shape.map(int),
      stride: stride.map(int),
    });
    return write(torchFile(pickledDictionary(`${text("a")}${tensor}s`), data));
  };

  test("reads a pickle of protocol 4", () => {
    expect(readTorchFile(crafted({})).get("a")?.toNumbers()).toEqual([7, 7, 7, 7]);
    expect(readTorchFile(crafted({ shape: [3], stride: [1], offset: 1 })).get("a")?.shape).toEqual([3]);
  });

  test.each([
    ["an offset behind it", { offset: 4 }],
    ["a row too many", { shape: [3, 2] }],
    ["a stride that leaves it", { stride: [3, 1] }],
    ["a size of 0", { shape: [0, 2] }],
    ["sizes and strides of unequal number", { stride: [1] }],
  ])("memory beyond the data of the file is never touched: %s", (_, change) => {
    expect(() => readTorchFile(crafted(change))).toThrow(/"a" reaches beyond its data/);
  });

  test.each([
    ["more elements than bytes", { elements: 5 }, /the data of "a" is of the wrong size/],
    ["fewer bytes", { data: Buffer.alloc(15) }, /the data of "a" is of the wrong size/],
    ["a negative offset", { offset: -1 }, /describes no tensor/],
    ["a negative stride", { stride: [-2, 1] }, /describes no tensor/],
  ])("what does not fit is an error: %s", (_, change, message) => {
    expect(() => readTorchFile(crafted(change))).toThrow(message);
  });

  test.each([
    [
      "a number of too many bytes",
      "\x80\x02}X\x01\0\0\0a\x8a\x07\x01\x01\x01\x01\x01\x01\x01s.",
      /a number that is too large/,
    ],
    ["a reference to no storage", "\x80\x02}X\x01\0\0\0a]Qs.", /refers to something that is no storage/],
    ["a list that is none", "\x80\x02}K\x01a.", /pickle is damaged/],
    ["a memo that is not there", "\x80\x02h\x05.", /pickle is damaged/],
  ])("says what is wrong with %s", (_, pickle, message) => {
    expect(() => readTorchFile(withPickle(pickle))).toThrow(message);
  });

  test("says that a file is of a machine with the other order of bytes", () => {
    const members = { "a/data.pkl": Buffer.from("\x80\x02}.", "latin1"), "a/byteorder": Buffer.from("big") };
    expect(() => readTorchFile(write(zip(members)))).toThrow(/was written on a big-endian machine/);
  });

  test("a damaged file is an error of the user, whatever the damage, and leaks nothing", () => {
    const good = readFileSync(testdata("mm_projector.bin"));
    expectNoLeaks();
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, change, cut) => {
        const bytes = Buffer.from(cut ? good.subarray(0, at) : good);
        if (!cut) bytes[at] = (bytes[at] ?? 0) ^ change;
        try {
          // A flip in what nobody reads (padding, names of other members) goes unnoticed.
          for (const tensor of readTorchFile(write(bytes)).values()) tensor.dispose();
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }),
      { numRuns: 400 },
    );
  });
});
