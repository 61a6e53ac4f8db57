/** Files of torch.save: those in convert-testdata, made by make_fixtures.py there, and hostile ones made here. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { readTorchFile } from "./torch-pickle.js";

const testdata = (name: string) => fileURLToPath(new URL(`testdata/${name}`, import.meta.url));
const python = JSON.parse(readFileSync(testdata("python.json"), "utf8")) as {
  bfloat16: Record<string, number[]>;
  fresh: Record<string, number[]>;
};

const { path: root } = folderOfFile();
/** A zip file of stored members. */
function zip(members: Record<string, Buffer>): Buffer {
  const parts: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const [name, data] of Object.entries(members)) {
    const common = Buffer.alloc(26);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(name.length, 22);
    parts.push(Buffer.from("PK\x03\x04"), common, Buffer.from(name), data);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    entries.push(Buffer.from("PK\x01\x02\0\0"), common, tail, Buffer.from(name));
    offset += 30 + name.length + data.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(Object.keys(members).length, 8);
  end.writeUInt16LE(Object.keys(members).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directory, end]);
}

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
