/** Which key of a record names its pictures: read where it can be one only, told where not. */
import { describe, expect, test } from "vitest";
import { SampleError } from "../samples/sample-error.js";
import { mediaOf } from "./media-keys.js";

const fault = (record: Record<string, unknown>): string => {
  try {
    return `no error but ${JSON.stringify(mediaOf(record))}`;
  } catch (error) {
    if (error instanceof SampleError) return error.line;
    throw error;
  }
};

describe("pictures are read under", () => {
  test.each([
    "images",
    "image_path",
    "image_paths",
    "imagePath",
    "Image",
    "IMAGES",
    "img",
    "imgs",
    "img_path",
    "image_file",
    "image_file_name",
    "picture",
    "pictures",
    "photo",
    "pic",
    "image_url",
    "image-name",
    "file_name",
    "filename",
    "path",
    "media",
  ])("%s, one name or a list", (key) => {
    expect(mediaOf({ [key]: "a.png" })).toEqual({ images: ["a.png"], key, unread: [] });
    expect(mediaOf({ [key]: ["a.png", "b.jpg"] })).toEqual({ images: ["a.png", "b.jpg"], key, unread: [] });
  });

  test("objects that name a file, as parquet files have them", () => {
    const images = [
      { bytes: null, path: "a.png" },
      { bytes: null, path: "b.png" },
    ];
    expect(mediaOf({ images })).toMatchObject({ images: ["a.png", "b.png"], key: "images" });
    expect(mediaOf({ images: [{ type: "image", image: "a.png" }] })).toMatchObject({ images: ["a.png"] });
    expect(mediaOf({ img: { image_url: { url: "a.png" } } })).toMatchObject({ images: ["a.png"] });
  });

  test("image, whatever else is there", () => {
    const record = { image: "a.png", images: ["b.png"], file_name: "c.png", url: "http://x/d.png" };
    expect(mediaOf(record)).toEqual({ images: ["a.png"], unread: [] });
  });

  test("the longer of two paths to one file, and a file rather than an address", () => {
    expect(mediaOf({ file_name: "a.png", image_path: "coco/a.png" })).toMatchObject({ images: ["coco/a.png"] });
    expect(mediaOf({ image_url: "http://x/1", img: "a.png" })).toMatchObject({ images: ["a.png"], key: "img" });
  });
});

test.each(["videos", "video_path", "Video", "clip", "video_file"])("a video is read under %s", (key) => {
  expect(mediaOf({ [key]: ["a.mp4"] })).toEqual({ images: [], video: "a.mp4", key, unread: [] });
});

test("nothing, null and empty values name nothing", () => {
  for (const images of [undefined, null, "", []]) expect(mediaOf({ images })).toEqual({ images: [], unread: [] });
  expect(mediaOf({ file_name: "notes.txt", image_id: 7, images: 3 })).toEqual({ images: [], unread: [] });
});

describe("told", () => {
  test("two keys with different pictures", () => {
    expect(fault({ img: "a.png", picture: "b.png" })).toMatch(/names \["[ab]\.png"\] and .* Name what belongs/);
  });

  test("several videos, and files inside of the record", () => {
    expect(fault({ videos: ["a.mp4", "b.mp4"] })).toMatch(/videos names 2 videos; a record has one/);
    expect(fault({ images: [{ bytes: [1, 2], path: null }] })).toMatch(/images holds the file itself/);
    expect(fault({ image: { bytes: "iVBO" } })).toMatch(/image holds the file itself/);
    expect(fault({ image: "iVBORw0KGgoAAAANSUhEUg" })).toMatch(/image holds the file itself/);
    expect(fault({ images: ["/9j/4AAQSkZJRg"] })).toMatch(/images holds the file itself/);
    expect(fault({ image: 7 })).toMatch(/image: expected a file name or a list of file names, got 7/);
    expect(fault({ image: "" })).toMatch(/image: is empty/);
  });

  test("other keys with names of pictures, in turns too", () => {
    const conversations = [{ from: "human", value: "see x.png", picture: "c.jpg" }];
    const record = { figure: "a.png", screenshots: ["b.webp"], clip_1: "c.mp4", conversations };
    expect(mediaOf(record).unread).toEqual(["figure", "screenshots", "clip_1", "turn 1's picture"]);
    expect(mediaOf({ multi_modal_data: { image: "a.png" } }).unread).toEqual(["multi_modal_data"]);
    expect(mediaOf({ image_base64: "iVBORw0KGgoAAAANSUhEUg" }).unread).toEqual(["image_base64"]);
    expect(mediaOf({ images: [{ uuid: 3 }] }).unread).toEqual(["images"]);
    expect(mediaOf({ text: "a long text.\nThat ends with x.png" }).unread).toEqual([]);
  });
});
