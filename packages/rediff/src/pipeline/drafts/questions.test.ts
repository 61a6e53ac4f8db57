import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { describe, expect, test } from "vitest";
import { record, tarOf, writeLines } from "../../data/testing/record-files.js";
import { pictureFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { LeftOutError } from "./left-out.js";
import { openQuestions, type QuestionOptions } from "./questions.js";

const { at } = folderOfFile();

const images = { imageFolder: pictureFolder };

async function read(records: readonly unknown[], options: QuestionOptions = images) {
  const file = writeLines(at("data.jsonl"), records);
  await using questions = await openQuestions([{ json_path: file }], undefined, options);
  return Promise.all(
    Array.from({ length: questions.count }, (_, number) =>
      questions.read(number).catch((error: unknown) => {
        if (!(error instanceof LeftOutError)) throw error;
        return { reason: error.reason, message: error.message.replace(file, "data.jsonl") };
      }),
    ),
  );
}

test("the first question and the first answer; ids of the data, or the record's number", async () => {
  const turns = [
    { from: "system", value: "Be kind." },
    { from: "human", value: "<image>\nFirst?" },
    { from: "gpt", value: "One." },
    { from: "human", value: "Second?" },
    { from: "gpt", value: "Two." },
  ];
  expect(
    await read([
      { id: "x9", image: "color.jpg", conversations: turns },
      { image: ["grey.jpg"], conversations: [{ role: "user", content: "What?" }] },
    ]),
  ).toEqual([
    { id: "x9", img: `${pictureFolder}/color.jpg`, ques: "<image>\nFirst?", ans: "One." },
    { id: "1", img: `${pictureFolder}/grey.jpg`, ques: "<image>\nWhat?" },
  ]);
});

test("what cannot be drafted is told with its place", async () => {
  const picture = { image: "color.jpg" };
  const asks = (value: string) => ({ ...picture, conversations: [{ from: "human", value }] });
  const found = await read([
    record("Text.", { id: "t" }),
    record("Two.", { image: ["color.jpg", "grey.jpg"] }),
    record("Film.", { video: "a.mp4" }),
    { ...picture, conversations: [{ from: "gpt", value: "I say." }] },
    asks("<image>\n "),
    asks("<image><image>\nBoth?"),
    record("x", { image: "none.jpg" }),
    "{ broken",
  ]);
  expect(found.map((one) => "reason" in one && [one.reason, one.message])).toEqual([
    ["no_picture", 'data.jsonl:1 (id "t"): has no picture'],
    ["not_one_picture", "data.jsonl:2: has 2 pictures"],
    ["not_one_picture", "data.jsonl:3: has a video"],
    ["no_question", "data.jsonl:4: has no question"],
    ["no_question", "data.jsonl:5: has no question"],
    ["markers", "data.jsonl:6: its question has more than one <image>"],
    ["missing", expect.stringMatching(/^data\.jsonl:7: picture none\.jpg is missing; tried .*none\.jpg/)],
    ["broken", expect.stringMatching(/^data\.jsonl:8: broken JSON/)],
  ]);
});

test("pictures beside the data, in a second folder, and as absolute paths", async () => {
  cpSync(`${pictureFolder}/color.jpg`, at("beside.jpg"));
  mkdirSync(at("second"));
  cpSync(`${pictureFolder}/color.jpg`, at("second/other.jpg"));
  const [beside] = await read([record("x", { image: "beside.jpg" })], {});
  expect(beside).toMatchObject({ img: at("beside.jpg") });
  const both = { imageFolder: pictureFolder, imageFolder2: at("second") };
  const [other] = await read([record("x", { image: "other.jpg" })], both);
  expect(other).toMatchObject({ img: at("second/other.jpg") });
  const relative = process.cwd();
  process.chdir(at(""));
  try {
    const [near] = await read([record("x", { image: "other.jpg" })], { imageFolder: "second" });
    expect(near).toMatchObject({ img: "second/other.jpg" });
    const [far] = await read([record("x", { image: "other.jpg" })], { imageFolder: "second", absolute: true });
    expect(isAbsolute((far as { img: string }).img)).toBe(true);
  } finally {
    process.chdir(relative);
  }
});

describe("shards with their pictures inside", () => {
  const jpeg = readFileSync(`${pictureFolder}/color.jpg`);
  const shard = () => {
    writeFileSync(
      at("00042.tar"),
      tarOf([
        { name: "a/one.json", content: JSON.stringify(record("A.", { image: "whatever" })) },
        { name: "a/one.jpg", content: jpeg },
        { name: "../two.json", content: JSON.stringify(record("B.", { image: "whatever" })) },
        { name: "../two.jpg", content: jpeg },
      ]),
    );
    return [{ json_path: at("00042.tar") }];
  };

  test("go to files, once; a name that leaves the folder does not", async () => {
    await using questions = await openQuestions(shard(), undefined, { unpackTo: at("unpacked") });
    const first = await questions.read(0);
    expect(first.img).toBe(at("unpacked/00042/a/one.jpg"));
    expect(readFileSync(first.img).equals(jpeg)).toBe(true);
    expect(await questions.read(0)).toEqual(first);
    await expect(questions.read(1)).rejects.toThrow(/leaves the folder/);
    expect(existsSync(at("two.jpg"))).toBe(false);
    writeFileSync(first.img, "other");
    await expect(questions.read(0)).rejects.toThrow(/is there already and is another picture/);
  });

  test("need a place", async () => {
    await expect(openQuestions(shard(), undefined)).rejects.toMatchObject({
      line: expect.stringMatching(/00042\.tar holds its pictures itself.*unpackTo/),
    });
  });
});

describe("a folder of pictures", () => {
  test("all of them, sorted, with the same question", async () => {
    mkdirSync(at("photos/inner"), { recursive: true });
    for (const name of ["b.JPG", "a.png", "inner/c.jpg", "notes.txt"]) writeFileSync(at(`photos/${name}`), "x");
    await using questions = await openQuestions(at("photos"), "What is it?");
    expect(questions.count).toBe(2);
    expect(await questions.read(0)).toEqual({ id: "a.png", img: at("photos/a.png"), ques: "<image>\nWhat is it?" });
    expect(await questions.read(1)).toMatchObject({ id: "b.JPG" });
  });

  test("needs a question, and a picture; a data set needs none", async () => {
    await expect(openQuestions(at("photos"), undefined)).rejects.toThrow(/there is no question/);
    await expect(openQuestions(at("photos"), "<image> ")).rejects.toThrow(/the prompt is empty/);
    await expect(openQuestions(at("photos"), "<image><image>?")).rejects.toThrow(/more than one <image>/);
    mkdirSync(at("none"));
    await expect(openQuestions(at("none"), "What?")).rejects.toThrow(/no pictures/);
    const file = writeLines(at("some.jsonl"), [record("x", { image: "color.jpg" })]);
    await expect(openQuestions([{ json_path: file }], "What?")).rejects.toThrow(/questions of its own/);
  });
});
