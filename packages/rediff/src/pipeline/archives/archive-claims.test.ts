/** What archives claim: sizes and names are compared with the archive, the folder and each other, and nothing is lost or
 *  left out without a word. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { folderOfEachTest } from "../../testing/folders.js";
import { base256, type Member, octal, paxHeader, tarArchive, zipArchive } from "../formats/testing/archives.js";
import { openArchive } from "./archive.js";
import { MemberSink } from "./member-sink.js";
import { unpackAll } from "./unpack.js";

const { at } = folderOfEachTest();
const picture: Member = { name: "a.jpg", content: "picture" };

async function refusal(name: string, bytes: Uint8Array): Promise<string> {
  mkdirSync(at("in"), { recursive: true });
  writeFileSync(at("in", name), bytes);
  const archive = await openArchive(at("in"), { name, parts: [name] });
  return unpackAll([{ archive, into: "images" }], at("out"), { maxRatio: 100 }).then(
    (results) => `unpacked ${results[0]?.files}`,
    (error: Error) => error.message,
  );
}

const inFolder = () => (existsSync(at("out/images")) ? readdirSync(at("out/images")) : []);

describe("a tar archive that lies is refused, and leaves no half a file", () => {
  test.each<[string, Member[], RegExp]>([
    [
      "10^18 bytes to base 256",
      [{ ...picture, sizeField: base256(10n ** 18n) }],
      /cannot be unpacked \(.*safe integer/,
    ],
    ["a size below 0", [{ name: "a.jpg", sizeField: base256(-512n) }], /the size of its member a\.jpg is no number/],
    ["a size below 0 in octal digits", [{ name: "a.jpg", sizeField: octal("-0000001000") }], /a\.jpg is no number/],
    [
      "64 GB in octal digits",
      [{ ...picture, sizeField: Buffer.from("777777777777") }],
      /Truncated input|ends in the middle/,
    ],
    ["half a byte", [paxHeader("size=1.5"), picture], /1 of 1\.5 bytes/],
    ["10^18 bytes beside the header", [paxHeader("size=1000000000000000000"), picture], /Truncated input|middle/],
    [
      "a long name of 2 MB, which would leave its member under another",
      [{ name: "././@LongLink", type: "L", content: "b".repeat(2 << 20) }, picture],
      /x\.tar: a header claims 2097152 bytes of names and sizes; at most 1048576 are read/,
    ],
    [
      "a file with holes",
      [paxHeader("GNU.sparse.major=1", "GNU.sparse.realsize=1000000000"), picture],
      /x\.tar has sparse members/,
    ],
    ["a name of 300 letters", [paxHeader(`path=${"n".repeat(300)}.jpg`), picture], /has a part of more than 240 bytes/],
    ["one name twice", [picture, { ...picture, content: "another" }], /x\.tar has two members "a\.jpg"/],
    ["a name that files have while they are written", [{ ...picture, name: "a.jpg.partial" }], /ends in \.partial/],
  ])("%s", async (_, members, message) => {
    expect(await refusal("x.tar", tarArchive(members))).toMatch(message);
    expect(inFolder().filter((name) => name !== "a.jpg")).toEqual([]);
  });

  test("an archive that was packed twice, so that its size says nothing", async () => {
    const bomb = gzipSync(gzipSync(tarArchive([{ name: "zeros", content: new Uint8Array(8 << 20) }])));
    expect(await refusal("x.tar.gz", bomb)).toMatch(/x\.tar\.gz holds another packed archive/);
    expect(inFolder()).toEqual([]);
  });
});

describe("a zip archive that lies is refused", () => {
  test.each<[string, Member[], RegExp]>([
    ["fewer bytes than there are", [{ ...picture, claimedSize: 3 }], /cannot be unpacked \(too many bytes/],
    ["more bytes than there are", [{ ...picture, claimedSize: 300 }], /cannot be unpacked \(not enough bytes/],
    ["4 GB in a hundred bytes", [{ ...picture, claimedSize: 0xfffffffe }], /more than .* times its size/],
    ["one name twice", [picture, { ...picture, content: "another" }], /x\.zip has two members "a\.jpg"/],
  ])("%s", async (_, members, message) => {
    expect(await refusal("x.zip", zipArchive(members))).toMatch(message);
    expect(inFolder().filter((name) => name !== "a.jpg")).toEqual([]);
  });
});

describe("names that are one file on some disks", () => {
  test("are two where the disk tells them apart", async () => {
    const isOne = existsSync(at(".").toUpperCase());
    const told = await refusal("x.tar", tarArchive([picture, { ...picture, name: "A.jpg", content: "another" }]));
    expect(told).toMatch(isOne ? /which are one file on this disk/ : /unpacked 2/);
  });

  test.each([
    ["a.jpg", "A.JPG"],
    ["\u00e9.jpg", "e\u0301.jpg"],
  ])("%s and %s are refused where it does not", async (first, second) => {
    mkdirSync(at("out"), { recursive: true });
    for (const name of [first, second]) writeFileSync(at("out", name), ""); // as if both were found there
    const sink = new MemberSink(at("out"), "x.tar");
    await sink.admit(first);
    await expect(sink.admit(second)).rejects.toThrow(/x\.tar has members .* and .*, which are one file on this disk/);
  });

  test("more members than a folder should get are refused", async () => {
    const sink = new MemberSink(at("out"), "x.tar", 2);
    await sink.admit("a");
    await sink.admit("b");
    await expect(sink.admit("c")).rejects.toThrow("x.tar has more than 2 members");
  });
});
