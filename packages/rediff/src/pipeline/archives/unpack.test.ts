/** Unpacking: what comes out, what is refused, and going on after an interruption. Archives are made here, byte by byte
 *  where a well-behaved tool would not make them. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { folderOfEachTest } from "../../testing/folders.js";
import { tarArchive, zipArchive } from "../formats/testing/archives.js";
import { groupArchives, openArchive } from "./archive.js";
import { memberPath } from "./member-path.js";
import { unpackAll } from "./unpack.js";

const { at } = folderOfEachTest();

const PICTURES = { "00000/1.jpg": "one", "00000/2.jpg": "two".repeat(1000), "00001/3.jpg": "" };

function put(name: string, bytes: Uint8Array): void {
  mkdirSync(dirname(at("in", name)), { recursive: true });
  writeFileSync(at("in", name), bytes);
}

async function unpack(names: readonly string[], maxRatio = 100) {
  const jobs = [];
  for (const group of groupArchives(names)) jobs.push({ archive: await openArchive(at("in"), group), into: "images" });
  return unpackAll(jobs, at("out"), { maxRatio });
}

const listed = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();

function expectPictures(): void {
  expect(listed(at("out/images"))).toEqual(Object.keys(PICTURES));
  for (const [name, text] of Object.entries(PICTURES)) expect(readFileSync(at("out/images", name), "utf8")).toBe(text);
}

const split = (bytes: Uint8Array, pieces: number) =>
  Array.from({ length: pieces }, (_, i) => {
    const size = Math.ceil(bytes.length / pieces);
    return bytes.subarray(i * size, (i + 1) * size);
  });

describe("what comes out", () => {
  const kinds: [string, () => Uint8Array][] = [
    ["images.zip", () => zipArchive(PICTURES)],
    ["images.tar", () => tarArchive(PICTURES)],
    ["images.tar.gz", () => gzipSync(tarArchive(PICTURES))],
    ["images.tgz", () => gzipSync(tarArchive(PICTURES))],
  ];
  test.each(kinds)("%s", async (name, bytes) => {
    put(name, bytes());
    const [result] = await unpack([name]);
    expect(result).toMatchObject({ archive: name, files: 3, bytes: 3003, present: 0, special: [], wasDone: false });
    expectPictures();
  });

  test.each([
    ["images.zip", ["001", "002", "003"]],
    ["images.zip", ["part-aa", "part-ab", "part-ac"]],
    ["images.tar.gz", ["00", "01", "02"]],
    ["images.tar", ["aa", "ab", "ac"]],
  ])("%s in parts %j", async (name, suffixes) => {
    const bytes = kinds.find(([kind]) => kind === name)?.[1]() ?? new Uint8Array();
    split(bytes, 3).forEach((piece, i) => {
      put(`${name}.${suffixes[i]}`, piece);
    });
    const [result] = await unpack(suffixes.map((suffix) => `${name}.${suffix}`));
    expect(result).toMatchObject({ archive: name, files: 3 });
    expectPictures();
  });

  test("a member that is larger than what is read at a time", async () => {
    const large = Buffer.alloc(5_000_000, "abcdefg");
    put("a.tar.gz", gzipSync(tarArchive({ "x/large.bin": large, "y.txt": "behind" })));
    put("b.zip", zipArchive({ "z/large.bin": large }));
    await unpack(["a.tar.gz", "b.zip"], 1000);
    for (const name of ["x/large.bin", "z/large.bin"])
      expect(readFileSync(at("out/images", name)).equals(large)).toBe(true);
    expect(readFileSync(at("out/images/y.txt"), "utf8")).toBe("behind");
  });

  test("links, devices and pipes are left out and told, files beside them are not", async () => {
    put(
      "a.tar",
      tarArchive([
        { name: "ok.jpg", content: "ok" },
        { name: "link.jpg", type: "2", link: "/etc/passwd" },
        { name: "hard.jpg", type: "1", link: "../../x" },
        { name: "device", type: "3" },
        { name: "pipe", type: "6" },
        { name: "folder/", type: "5" },
      ]),
    );
    put(
      "b.zip",
      zipArchive([
        { name: "l.jpg", content: "/etc/passwd", mode: 0o120777 },
        { name: "k.jpg", content: "k" },
      ]),
    );
    const results = await unpack(["a.tar", "b.zip"]);
    expect(results.map(({ special }) => special)).toEqual([["link.jpg", "hard.jpg", "device", "pipe"], ["l.jpg"]]);
    expect(listed(at("out/images"))).toEqual(["k.jpg", "ok.jpg"]);
  });
});

describe("what is refused", () => {
  const names = ["../evil.jpg", "a/../../evil.jpg", "/evil.jpg", "a\\..\\..\\evil.jpg", "C:/evil.jpg"];
  test.each(names.flatMap((name) => [["zip", name] as const, ["tar", name] as const]))(
    "%s with %s",
    async (kind, name) => {
      const members = [
        { name: "good.jpg", content: "good" },
        { name, content: "evil" },
      ];
      put(`a.${kind}`, kind === "zip" ? zipArchive(members) : tarArchive(members));
      await expect(unpack([`a.${kind}`])).rejects.toThrow(/a\.(zip|tar): /);
      expect(existsSync(at("evil.jpg"))).toBe(false);
      expect(existsSync(at("out/evil.jpg"))).toBe(false);
      // The names of a zip archive are known before anything is written.
      if (kind === "zip") expect(existsSync(at("out/images/good.jpg"))).toBe(false);
    },
  );

  test("a folder of the output that is a link out of it", async () => {
    mkdirSync(at("out/images"), { recursive: true });
    mkdirSync(at("elsewhere"));
    symlinkSync(at("elsewhere"), at("out/images/00000"));
    put("a.zip", zipArchive(PICTURES));
    await expect(unpack(["a.zip"])).rejects.toThrow(/is a link that leads out of/);
    expect(readdirSync(at("elsewhere"))).toEqual([]);
  });

  test("a file that is a link is replaced, not written through", async () => {
    mkdirSync(at("out/images"), { recursive: true });
    writeFileSync(at("precious"), "precious");
    symlinkSync(at("precious"), at("out/images/x.jpg"));
    put("a.tar", tarArchive({ "x.jpg": "new" }));
    await unpack(["a.tar"]);
    expect(readFileSync(at("precious"), "utf8")).toBe("precious");
    expect(readFileSync(at("out/images/x.jpg"), "utf8")).toBe("new");
  });

  test.each(["zip", "tar.gz"])("a %s that unpacks to far more than its size", async (kind) => {
    const zeros = { "zeros.bin": Buffer.alloc(80 << 20) };
    put(`bomb.${kind}`, kind === "zip" ? zipArchive(zeros) : gzipSync(tarArchive(zeros)));
    await expect(unpack([`bomb.${kind}`], 10)).rejects.toThrow(/unpacks to more than \d+ times its size/);
    expect(existsSync(at("out/images/zeros.bin"))).toBe(false);
    const [result] = await unpack([`bomb.${kind}`], 10_000);
    expect(result).toMatchObject({ files: 1, bytes: 80 << 20 });
  });

  test("a zip whose directory lies about sizes", async () => {
    put("a.zip", zipArchive([{ name: "x.bin", content: Buffer.alloc(1 << 20), claimedSize: 10 }]));
    await expect(unpack(["a.zip"])).rejects.toThrow(/a\.zip: cannot be unpacked/);
    expect(existsSync(at("out/images/x.bin"))).toBe(false);
  });

  test("a wrong checksum, an encrypted member", async () => {
    put("a.zip", zipArchive([{ name: "x.jpg", content: "x", checksum: 1 }]));
    await expect(unpack(["a.zip"])).rejects.toThrow(/the checksum of x\.jpg is wrong/);
    put("a.zip", zipArchive([{ name: "x.jpg", content: "x", flags: 1 }]));
    await expect(unpack(["a.zip"])).rejects.toThrow(/x\.jpg is encrypted/);
    expect(listed(at("out"))).toEqual([".rediff-prepare.json"]);
  });

  test.each(["zip", "tar", "tar.gz"])("a %s that is cut off leaves no half member", async (kind) => {
    const members = { "a.bin": Buffer.alloc(300_000, 1), "b.bin": Buffer.alloc(300_000, 2) };
    const whole = kind === "zip" ? zipArchive(members, { store: true }) : tarArchive(members);
    const bytes = kind === "tar.gz" ? gzipSync(whole, { level: 0 }) : whole;
    for (const length of [bytes.length - 1500, 450_000, 301_056, 200_000]) {
      rmSync(at("out"), { recursive: true, force: true });
      put(`cut.${kind}`, bytes.subarray(0, length));
      await expect(unpack([`cut.${kind}`])).rejects.toThrow(/cut\.[a-z.]+: cannot be unpacked/);
      for (const name of existsSync(at("out/images")) ? listed(at("out/images")) : [])
        expect(statSync(at("out/images", name)).size).toBe(300_000);
    }
  });

  test("things that are no archive", async () => {
    put("a.zip", Buffer.from("version https://git-lfs.github.com/spec/v1\n"));
    await expect(unpack(["a.zip"])).rejects.toThrow(/a\.zip: is a Git LFS pointer; expected an archive/);
    put("a.zip", Buffer.from("<!doctype html><html>"));
    await expect(unpack(["a.zip"])).rejects.toThrow(/a\.zip: is an HTML page; expected an archive/);
    put("a.zip", Buffer.alloc(0));
    await expect(unpack(["a.zip"])).rejects.toThrow(/found an empty file/);
  });
});

describe("going on", () => {
  test("an archive that was unpacked is not read again, one that changed is", async () => {
    put("a.tar", tarArchive(PICTURES));
    await unpack(["a.tar"]);
    expect(await unpack(["a.tar"])).toMatchObject([{ wasDone: true, files: 0, present: 3 }]);
    rmSync(at("out/images/00000/1.jpg"));
    utimesSync(at("in/a.tar"), new Date(), new Date(Date.now() + 5000));
    expect(await unpack(["a.tar"])).toMatchObject([{ wasDone: false, files: 1, present: 2 }]);
    expectPictures();
  });

  test.each(["zip", "tar.gz"])("members of an interrupted %s are not written again", async (kind) => {
    const bytes = kind === "zip" ? zipArchive(PICTURES) : gzipSync(tarArchive(PICTURES));
    put(`a.${kind}`, bytes);
    mkdirSync(at("out/images/00000"), { recursive: true });
    writeFileSync(at("out/images/00000/1.jpg"), "one");
    writeFileSync(at("out/images/00000/2.jpg"), "half"); // Of another size: not the member.
    writeFileSync(at("out/images/00000/2.jpg.partial"), "tw"); // Left by a run that was killed.
    const before = statSync(at("out/images/00000/1.jpg")).ino;
    expect(await unpack([`a.${kind}`])).toMatchObject([{ files: 2, present: 1 }]);
    expect(statSync(at("out/images/00000/1.jpg")).ino).toBe(before);
    expectPictures();
  });

  test("a download that was broken and is whole now", async () => {
    const bytes = gzipSync(tarArchive(PICTURES));
    put("a.tar.gz", bytes);
    truncateSync(at("in/a.tar.gz"), bytes.length - 20);
    await expect(unpack(["a.tar.gz"])).rejects.toThrow(/download it again|cannot be unpacked/);
    appendFileSync(at("in/a.tar.gz"), bytes.subarray(bytes.length - 20));
    await unpack(["a.tar.gz"]);
    expectPictures();
  });
});

describe("names", () => {
  test("parts have to be complete and in order", () => {
    expect(
      groupArchives(["b.zip", "a.tar.gz.part-ab", "a.tar.gz.part-aa", "readme.md", "shard_10.tar", "shard_9.tar"]),
    ).toEqual([
      { name: "a.tar.gz", parts: ["a.tar.gz.part-aa", "a.tar.gz.part-ab"] },
      { name: "b.zip", parts: ["b.zip"] },
      { name: "shard_9.tar", parts: ["shard_9.tar"] },
      { name: "shard_10.tar", parts: ["shard_10.tar"] },
    ]);
    expect(() => groupArchives(["a.zip.001", "a.zip.003"])).toThrow(/the part after a\.zip\.001 is missing/);
    expect(() => groupArchives(["a.zip.ab", "a.zip.ac"])).toThrow(/its first part is missing/);
    expect(() => groupArchives(["a.zip.002", "a.zip.003"])).toThrow(/its first part is missing/);
    expect(groupArchives(["a.zip", "a.zip.001", "a.zip.002"])).toEqual([{ name: "a.zip", parts: ["a.zip"] }]);
  });

  test("member names", () => {
    expect(memberPath("./a//b/./c.jpg")).toBe("a/b/c.jpg");
    expect(memberPath("a..b/..c")).toBe("a..b/..c");
    for (const bad of ["", ".", "./", "..", "a/..", "/a", "a\\b", "c:x", "a\0b", "x/".repeat(70)])
      expect(memberPath(bad)).toHaveProperty("wrong");
  });
});
