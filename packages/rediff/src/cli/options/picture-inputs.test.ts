import { mkdirSync, writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
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
});

const complaint = async (...args: string[]): Promise<string> => {
  const error = await expandInputs(args, Readable.from([])).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).line;
};

test("a folder gives its pictures, sorted, whatever the case of their endings", async () => {
  expect(names(await expandInputs([at("album")]))).toEqual(["album/a.PNG", "album/b.jpg", "album/c.webp"]);
});

test("patterns, sorted; ** reaches into folders", async () => {
  expect(names(await expandInputs([at("album/*.jpg"), at("album/a.*")]))).toEqual(["album/b.jpg", "album/a.PNG"]);
  expect(names(await expandInputs([at("album/**/*.jpg")]))).toEqual(["album/b.jpg", "album/inner/d.jpg"]);
});

test("a file whose name looks like a pattern is that file", async () => {
  expect(names(await expandInputs([at("what [is] this?.jpg")]))).toEqual(["what [is] this?.jpg"]);
});

test("what comes twice is taken once, where it came first", async () => {
  expect(names(await expandInputs([at("album/c.webp"), at("album"), at("album/*.webp")]))).toEqual([
    "album/c.webp",
    "album/a.PNG",
    "album/b.jpg",
  ]);
});

test("- is a list on stdin, one path a line; what is in it is not looked at yet", async () => {
  const stdin = Readable.from(["x.jpg\r\n\n", " y z.jpg\nx.jp", "g\nlast.jpg"]);
  expect(await expandInputs(["-"], stdin)).toEqual(["x.jpg", " y z.jpg", "last.jpg"]);
});

describe("nothing to describe", () => {
  test("a file that is not there", async () =>
    expect(await complaint(at("none.jpg"))).toBe(`there is no file ${at("none.jpg")}`));
  test("a pattern without a match", async () =>
    expect(await complaint(at("*.png"))).toBe(`no file matches ${at("*.png")}`));
  test("a folder without pictures", async () =>
    expect(await complaint(at("empty"))).toMatch(/^folder .*empty has no pictures\. Known extensions: \.jpg/));
  test("an empty list", async () => expect(await complaint("-")).toMatch(/^no picture was given\. Name files/));
});
