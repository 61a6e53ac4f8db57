import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { expandInputs } from "./picture-inputs.js";

const { at, path: root } = folderOfFile();
const names = (paths: readonly string[]) => paths.map((path) => path.slice(root.length + 1));

beforeAll(() => {
  mkdirSync(at("album/inner"), { recursive: true });
  mkdirSync(at("empty"));
  for (const name of [
    "album/b.jpg",
    "album/a.PNG",
    "album/c.webp",
    "album/notes.txt",
    "album/inner/d.jpg",
    "what [is] this?.jpg",
  ])
    writeFileSync(at(name), "");
  mkdirSync(at("phone/2024"), { recursive: true });
  const copies = {
    "a.jpg": "color.jpg",
    "b.jfif": "color.jpg",
    "c.JPE": "color.jpg",
    "d.bmp": "rgb24.bmp",
    "e.heic": "color.heic",
    "f.apng": "rgba.png",
    g: "lossy.webp",
    "h.txt": "grey.jpg",
    "i.jpg": "color.tif",
  };
  for (const [name, fixture] of Object.entries(copies)) copyFileSync(fixturePath(fixture), at(`phone/${name}`));
  writeFileSync(at("phone/README.txt"), "photos of 2024");
  writeFileSync(at("phone/clip.mov"), "\0\0\0\x14ftypqt  \0\0\0\0qt  ");
  writeFileSync(at("phone/broken.png"), "<html>not found</html>");
  for (const name of [".DS_Store", "Thumbs.db", "desktop.ini", "._a.jpg", ".hidden.jpg"])
    writeFileSync(at(`phone/${name}`), "whatever");
  writeFileSync(at("phone/2024/inner.jpg"), "");
  mkdirSync(at("papers"));
  for (let i = 0; i < 7; i++) writeFileSync(at(`papers/${i}.md`), "text");
});

const expandAll = async (...args: string[]): Promise<{ paths: string[]; notes: string[] }> => {
  const notes: string[] = [];
  const paths = await expandInputs(args, { stdin: Readable.from([]), note: (line) => notes.push(line) });
  return { paths: names(paths), notes };
};

const complaint = async (...args: string[]): Promise<string> => {
  const error = await expandAll(...args).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).line;
};

test("a folder gives its pictures, sorted, whatever the case of their endings", async () => {
  const { paths } = await expandAll(at("album"));
  expect(paths).toEqual(["album/a.PNG", "album/b.jpg", "album/c.webp"]);
});

test("a folder gives what its bytes say are pictures, and what is named so, and tells what it leaves out", async () => {
  const { paths, notes } = await expandAll(at("phone"));
  const taken = ["a.jpg", "b.jfif", "broken.png", "c.JPE", "d.bmp", "e.heic", "f.apng", "g", "h.txt", "i.jpg"];
  expect(paths).toEqual(taken.map((name) => `phone/${name}`));
  expect(notes).toEqual([
    `${at("phone")}: left out 2 files that are no pictures: README.txt (text), clip.mov (a video)`,
  ]);
});

test("a pattern gives pictures and videos, and tells what it leaves out", async () => {
  const { paths, notes } = await expandAll(at("phone/*.{txt,mov,heic}"));
  expect(paths).toEqual(["phone/clip.mov", "phone/e.heic", "phone/h.txt"]);
  expect(notes).toEqual([
    `${at("phone/*.{txt,mov,heic}")}: left out 1 file that is no picture: ${at("phone/README.txt")} (text)`,
  ]);
});

test("patterns, sorted; ** reaches into folders", async () => {
  expect(names(await expandInputs([at("album/*.jpg"), at("album/a.*")]))).toEqual(["album/b.jpg", "album/a.PNG"]);
  expect(names(await expandInputs([at("album/**/*.jpg")]))).toEqual(["album/b.jpg", "album/inner/d.jpg"]);
});

test("a file whose name looks like a pattern is that file", async () => {
  expect(names(await expandInputs([at("what [is] this?.jpg")]))).toEqual(["what [is] this?.jpg"]);
});

test("what comes twice is taken once, where it came first", async () => {
  const { paths } = await expandAll(at("album/c.webp"), at("album"), at("album/*.webp"));
  expect(paths).toEqual(["album/c.webp", "album/a.PNG", "album/b.jpg"]);
});

test("- is a list on stdin, one path a line; what is in it is not looked at yet", async () => {
  const stdin = Readable.from(["x.jpg\r\n\n", " y z.jpg\nx.jp", "g\nlast.jpg"]);
  expect(await expandInputs(["-"], { stdin })).toEqual(["x.jpg", " y z.jpg", "last.jpg"]);
});

describe("nothing to describe", () => {
  test("a file that is not there", async () =>
    expect(await complaint(at("none.jpg"))).toBe(`there is no file ${at("none.jpg")}`));
  test("a pattern without a match", async () =>
    expect(await complaint(at("*.png"))).toBe(`no file matches ${at("*.png")}`));
  test("a folder without pictures", async () =>
    expect(await complaint(at("empty"))).toBe(
      `folder ${at("empty")} has no pictures. Those of inner folders are taken by a quoted pattern, such as 'DIR/**/*'.`,
    ));
  test("a folder and a pattern of other files", async () => {
    const left =
      "left out 7 files that are no pictures: 0.md (text), 1.md (text), 2.md (text), 3.md (text), 4.md (text), and 2 more";
    expect(await complaint(at("papers"))).toBe(`folder ${at("papers")} has no pictures. ${left}`);
    expect(await complaint(at("papers/0*"))).toMatch(/^no picture matches .*papers\/0\*\. left out 1 file/);
  });
  test("an empty list", async () => expect(await complaint("-")).toMatch(/^no picture was given\. Name files/));
});

test("a pattern, like a folder, passes over what systems keep beside pictures", async () => {
  mkdirSync(at("kept"));
  copyFileSync(fixturePath("color.jpg"), at("kept/a.jpg"));
  writeFileSync(at("kept/Thumbs.db"), "whatever");
  expect(await expandAll(at("kept/*"))).toEqual({ paths: ["kept/a.jpg"], notes: [] });
  expect((await expandAll(at("kept"))).paths).toEqual(["kept/a.jpg"]);
});

describe.skipIf(process.platform === "win32")("what is no file, in a folder and by a pattern", () => {
  beforeAll(() => {
    mkdirSync(at("odd/linked"), { recursive: true });
    copyFileSync(fixturePath("color.jpg"), at("odd/a.jpg"));
    copyFileSync(fixturePath("color.jpg"), at("odd/linked/b.jpg"));
    execFileSync("mkfifo", [at("odd/pipe")]);
    symlinkSync(at("odd/nothing"), at("odd/gone"));
    symlinkSync(at("odd/pipe"), at("odd/to-pipe"));
    symlinkSync(at("odd/circle"), at("odd/circle"));
    symlinkSync(at("odd/linked"), at("odd/to-folder"));
    symlinkSync(at("odd/a.jpg"), at("odd/to-picture"));
  });

  test.each(["odd", "odd/*"])("is told, and not waited for: %s", async (input) => {
    const { paths, notes } = await expandAll(at(input));
    expect(paths).toEqual(["odd/a.jpg", "odd/to-picture"]);
    const [note, ...more] = notes;
    expect(more).toEqual([]);
    expect(note).toMatch(/left out 4 files that are no pictures: /);
    for (const name of ["circle", "gone"]) expect(note).toMatch(new RegExp(`${name} \\([^)]+\\)`));
    for (const name of ["pipe", "to-pipe"]) expect(note).toMatch(new RegExp(`${name} \\(is a named pipe\\)`));
  });

  test("is taken where its name is a picture's: what is wrong with it is told with the others that fail", async () => {
    symlinkSync(at("odd/nothing"), at("odd/gone.jpg"));
    expect((await expandAll(at("odd/*.jpg"))).paths).toEqual(["odd/a.jpg", "odd/gone.jpg"]);
    expect((await expandAll(at("odd"))).paths).toContain("odd/gone.jpg");
  });
});
