import { copyFileSync, symlinkSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { fixturePath } from "../fixtures/pillow.js";
import { frameFiles } from "../video/load-video.js";
import { describeLeftOut, picturesIn } from "./folder-pictures.js";

const { at, path } = folderOfFile();

test("pictures by their bytes, links too; frames of a video are the same list", async () => {
  for (const [name, fixture] of [
    ["1.jfif", "color.jpg"],
    ["2", "color.heic"],
    ["3.dat", "rgb24.bmp"],
  ] as const)
    copyFileSync(fixturePath(fixture), at(name));
  symlinkSync(at("1.jfif"), at("4"));
  symlinkSync(at("gone"), at("5"));
  writeFileSync(at("empty"), "");
  writeFileSync(at(".DS_Store"), "x");
  expect(await picturesIn(path)).toEqual({
    pictures: ["1.jfif", "2", "3.dat", "4"],
    leftOut: [
      { name: "5", what: "no such file or folder" },
      { name: "empty", what: "empty" },
    ],
  });
  expect(await frameFiles(path)).toEqual(["1.jfif", "2", "3.dat", "4"]);
});

test("five are named, the rest is counted", () => {
  const files = Array.from({ length: 7 }, (_, i) => ({ name: `${i}.txt`, what: "text" }));
  expect(describeLeftOut(files)).toMatch(/^left out 7 files that are no pictures: 0\.txt \(text\), .*, and 2 more$/);
  expect(describeLeftOut(files.slice(0, 1))).toBe("left out 1 file that is no picture: 0.txt (text)");
});
