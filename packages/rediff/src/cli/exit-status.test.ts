/** Scripts tell by the status what went wrong: wrong usage, some of the inputs, or everything. What a signal
 *  does is tested where it is (end-to-end/caption-interrupted.test.ts and others). */
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { rediff, rediffHere } from "../testing/command-line.js";
import { folderOfFile } from "../testing/folders.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { statusOfInputs } from "./exit-status.js";
import { program } from "./main.js";

const { at, path: root } = folderOfFile();
const [good, bad] = [at("good.jpg"), at("bad.jpg")];
const model = ["--model", at("model")];

beforeAll(() => {
  copyFileSync(fixturePath("color.jpg"), good);
  writeFileSync(bad, "no picture");
  writeTinyModel(at("model"));
  writeFileSync(at("recipe.yaml"), `model: ${at("model")}\noutput: ${at("out")}\ndata: ${at("none.jsonl")}\n`);
  writeFileSync(at("bad.jsonl"), '{"a": 1}\n{"a": \n');
});

test("the main command's help has the list", async () => {
  const { stdout } = await rediffHere("--help");
  for (const part of ["0 all done", "1 failed", "2 wrong usage", "3 some of the inputs", "130 interrupted"])
    expect(stdout).toContain(part);
});

const commands = program().commands.flatMap((command) =>
  command.commands.length > 0 ? command.commands.map((inner) => `${command.name()} ${inner.name()}`) : [command.name()],
);

describe("2: wrong usage, before anything is fetched or loaded", () => {
  test.each(commands)("%s --bogus", async (name) => {
    const { status, stdout, stderr } = await rediffHere(...name.split(" "), "--bogus");
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^rediff: [^\n]+\n$/);
  });

  const wrong: [string, string[]][] = [
    ["a word that is no command", ["captoin"]],
    ["a picture that is not there", ["caption", at("none.jpg"), ...model]],
    ["a number that cannot be", ["caption", good, "--steps", "0", ...model]],
    ["options that exclude each other", ["caption", good, "--steps", "4", "--threshold", "0.5", ...model]],
    ["a device that there is not", ["caption", good, "--device", "gpu", ...model]],
    ["a model that is not there", ["caption", good, "--model", at("none")]],
    ["an answer longer than the model", ["caption", good, "--gen-length", "1000000", ...model]],
    ["one in a chat", ["chat", "--gen-length", "1000000", ...model]],
    ["one to serve", ["serve", "--gen-length", "1000000", ...model]],
    [
      "drafts longer than the model",
      ["data", "draft", root, "--output", at("long"), "--gen-length", "9999999", ...model],
    ],
    ["a folder without a model", ["caption", good, "--model", root]],
    ["a vision tower that is not there", ["caption", good, ...model, "--vision-tower", at("none")]],
    ["a trace that cannot be written", ["caption", good, ...model, "--trace", at("no/such/folder/t")]],
    ["refine without a draft", ["refine", good, ...model]],
    ["refine of no picture", ["refine", at("none.jpg"), "--draft", "x", ...model]],
    ["a template without blanks", ["fill", good, "--template", "x", ...model]],
    ["chat about no picture", ["chat", at("none.jpg"), ...model]],
    ["a port that cannot be", ["serve", "--port", "x"]],
    ["a port beyond all", ["serve", "--port", "70000"]],
    ["two models of one name", ["serve", ...model, "--also", `model=${at("model")}`]],
    ["a served model that is not there", ["serve", "--model", at("none")]],
    ["a recipe that is not there", ["train", at("none.yaml")]],
    ["a key that recipes have not", ["train", at("recipe.yaml"), "learning_rat=1"]],
    ["a recipe's data that is not there", ["train", at("recipe.yaml")]],
    ["a recipe's model that is not there", ["train", at("recipe.yaml"), `model=${at("none")}`]],
    ["improve without its recipe", ["improve", at("none.yaml")]],
    ["data check of no data", ["data", "check", at("recipe.yaml")]],
    ["data convert of no file", ["data", "convert", at("none.json"), at("out.json")]],
    ["data draft without a model", ["data", "draft", at("none.json"), "--output", at("drafts.jsonl")]],
    ["data correct of no drafts", ["data", "correct", at("none.jsonl"), "--output", at("corrected.jsonl")]],
    ["scenes score of no file", ["scenes", "score", "--predictions", at("none"), "--truth", at("none")]],
    ["inspect of no folder", ["inspect", at("none")]],
    ["convert of no folder", ["convert", at("none"), at("converted")]],
    ["pull of what is no id", ["pull", "no id"]],
  ];

  test.each(wrong)("%s", async (_, args) => {
    const { status, stdout, stderr } = await rediffHere(...args);
    expect([status, stdout], stderr).toEqual([2, ""]);
    expect(stderr).toMatch(/^rediff: [^\n]+\n$/);
  });

  test("in a process of its own, with nothing set up: at once, and nothing is fetched", async () => {
    const cache = at("cache");
    mkdirSync(cache);
    const env = { REDIFF_CACHE: cache, LIBTORCH: "" };
    for (const args of [["--bogus"], ["caption", "--bogus"], ["serve", "--port", "x"], ["caption", at("none.jpg")]]) {
      const { status, stderr } = await rediff(args, { env });
      expect([status, stderr.match(/\n/g)?.length], stderr).toEqual([2, 1]);
    }
    expect(readdirSync(cache)).toEqual([]);
    rmSync(cache, { recursive: true });
  });
});

describe("1 and 3: failed, all of them or some", () => {
  test("caption", async () => {
    const args = ["--gen-length", "4", ...model];
    expect(await rediffHere("caption", good, ...args)).toMatchObject({ status: 0 });
    expect(await rediffHere("caption", bad, ...args)).toMatchObject({ status: 1, stdout: "" });
    expect(await rediffHere("caption", bad, "README.md", ...args)).toMatchObject({ status: 1, stdout: "" });
    const some = await rediffHere("caption", bad, good, ...args);
    expect(some).toMatchObject({ status: 3, stderr: expect.stringMatching(/rediff: 1 of 2 failed\n$/) });
  });

  test("fill", async () => {
    const args = ["--template", "a[[2]]", ...model];
    expect(await rediffHere("fill", bad, ...args)).toMatchObject({ status: 1 });
    expect(await rediffHere("fill", bad, good, ...args)).toMatchObject({ status: 3 });
  });

  test("refine, of one picture", async () => {
    expect(await rediffHere("refine", bad, "--draft", "A dog.", ...model)).toMatchObject({ status: 1 });
  });

  test("what a file holds is seen when the work has begun", async () => {
    expect(await rediffHere("data", "convert", at("bad.jsonl"), at("out.json"))).toMatchObject({ status: 1 });
  });

  test("of inputs, some or all", () => {
    expect([statusOfInputs(0, 3), statusOfInputs(1, 3), statusOfInputs(3, 3), statusOfInputs(0, 0)]).toEqual([
      0, 3, 1, 0,
    ]);
  });
});
