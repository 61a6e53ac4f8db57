/** Headers that large or foreign archives have; whole shards are tested beside the list of records. */
import { describe, expect, test } from "vitest";
import { splitMemberName, tarMembers } from "./scan-tar.js";

interface Header {
  name: string;
  /** The field of the size, 12 bytes. */
  size: Buffer;
  type?: string;
  prefix?: string;
}

const octal = (size: number) => Buffer.from(`${size.toString(8).padStart(11, "0")}\0`);

/** A number of base 256, as GNU tar and others write sizes from 8 GiB. */
function base256(size: number): Buffer {
  const field = Buffer.alloc(12);
  field.writeBigUInt64BE(BigInt(size), 4);
  field[0] = 0x80;
  return field;
}

function header({ name, size, type = "0", prefix = "" }: Header): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  size.copy(block, 124);
  block.write(" ".repeat(8), 148);
  block.write(type, 156);
  block.write("ustar\x0000", 257);
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

const padded = (text: string) => Buffer.concat([Buffer.from(text), Buffer.alloc((512 - (text.length % 512)) % 512)]);

/** The members of an archive of which only what is given is there: what follows is zeros, up to `size`. */
function members(blocks: readonly Buffer[], size?: number) {
  const bytes = Buffer.concat([...blocks, Buffer.alloc(1024)]);
  return [
    ...tarMembers("x.tar", {
      size: size ?? bytes.length,
      read: (offset, length) => bytes.subarray(offset, offset + length),
    }),
  ];
}

describe("tarMembers", () => {
  test("sizes from 8 GiB, which octal digits do not hold", () => {
    const size = 9 * 2 ** 30;
    expect(members([header({ name: "big.jpg", size: base256(size) })], size + 2048)).toEqual([
      { name: "big.jpg", start: 0, offset: 512, size },
    ]);
  });

  test("a pax header gives the next member its name and its size, and no other", () => {
    const pax = "28 path=dir/really long.jpg\n9 size=3\n";
    const found = members([
      header({ name: "pax", size: octal(pax.length), type: "x" }),
      padded(pax),
      header({ name: "short", size: octal(0) }),
      padded("abc"),
      header({ name: "next.txt", size: octal(2) }),
      padded("de"),
    ]);
    expect(found).toEqual([
      { name: "dir/really long.jpg", start: 0, offset: 1536, size: 3 },
      { name: "next.txt", start: 2048, offset: 2560, size: 2 },
    ]);
  });

  test("a prefix stands before the name; folders and links are no files", () => {
    const found = members([
      header({ name: "dir", size: octal(0), type: "5" }),
      header({ name: "a.txt", size: octal(0), prefix: "some/where" }),
      header({ name: "link", size: octal(0), type: "2" }),
      header({ name: "old.txt", size: octal(0), type: "\0" }),
    ]);
    expect(found.map(({ name }) => name)).toEqual(["some/where/a.txt", "old.txt"]);
  });

  test("a pax header that is none ends without a name", () => {
    const found = members([
      header({ name: "pax", size: octal(7), type: "x" }),
      padded("garbage"),
      header({ name: "own.txt", size: octal(0) }),
    ]);
    expect(found.map(({ name }) => name)).toEqual(["own.txt"]);
  });
});

test("splitMemberName: a sample's key and field", () => {
  expect(splitMemberName("dir.d/0001.left.JPG")).toEqual({ key: "dir.d/0001", field: "left.jpg" });
  expect(splitMemberName("README")).toBeUndefined();
  expect(splitMemberName("__meta.json")).toBeUndefined();
});
