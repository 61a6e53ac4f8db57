/** `rediff refine`: the contract of its edits, where the draft comes from, and what it refuses. */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { jsonLines, rediff, rediffHere } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { applyEdits, type TextEdit } from "../../text/text-edits.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";

const { at, path: root } = folderOfFile();

beforeAll(() => {
  writeTinyModel(at("model"));
  writeTinyModel(at("text-only"), { textOnly: true });
  copyFileSync(fixturePath("color.jpg"), at("photo.jpg"));
});

const DRAFT = "A dog sits on the sofa, caf\u00e9 \u{1f600} and all.";
const refine = (...args: string[]) => rediffHere("refine", at("photo.jpg"), "--model", at("model"), ...args);
const refused = async (...args: string[]) => {
  const { status, stdout, stderr } = await rediffHere("refine", ...args);
  expect([1, 2]).toContain(status); // exit-status.test.ts says when which
  expect(stdout).toBe("");
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  return stderr;
};

test("--json: one line whose edits turn the draft into the text", async () => {
  const args = ["refine", "photo.jpg", "--model", "model", "--draft", DRAFT, "--json"];
  const run = await rediff(args, { cwd: root });
  expect(run).toMatchObject({ status: 0, stderr: "" });
  const [answer, ...more] = jsonLines(run.stdout) as { text: string; edits: TextEdit[] }[];
  expect(more).toEqual([]);
  expect(Object.keys(answer!)).toEqual(["text", "edits", "unread"]);
  const { text, edits } = answer!;
  expect(edits.length).toBeGreaterThan(0);
  let last = 0;
  for (const edit of edits) {
    expect(Object.keys(edit)).toEqual(["start", "end", "from", "to", "confidence"]);
    expect(edit.start).toBeGreaterThanOrEqual(last);
    expect(DRAFT.slice(edit.start, edit.end)).toBe(edit.from);
    expect(edit.confidence).toBeGreaterThan(0);
    expect(edit.confidence).toBeLessThanOrEqual(1);
    last = edit.end;
  }
  expect(applyEdits(DRAFT, edits)).toBe(text);
  expect(text).not.toBe(DRAFT);
});

test("for people: the text, and the edits on stderr", async () => {
  const json = jsonLines((await refine("--draft", DRAFT, "--json")).stdout)[0] as { text: string; edits: TextEdit[] };
  const run = await refine("--draft", DRAFT);
  expect(run).toMatchObject({ status: 0, stdout: `${json.text}\n` });
  expect(run.stderr.trimEnd().split("\n")).toHaveLength(json.edits.length);
  expect(run.stderr).toMatch(/^\d+: ".*" -> ".*" \(\d\.\d\d\)\n/);
});

test("a threshold that nothing reaches leaves the draft as it is", async () => {
  const run = await refine("--draft", "A dog.", "--threshold", "1");
  expect(run).toEqual({ status: 0, stdout: "A dog.\n", stderr: "nothing to change\n" });
});

test("more rounds go on from where fewer ended", async () => {
  const one = await refine("--draft", DRAFT, "--rounds", "1");
  const many = await refine("--draft", DRAFT, "--rounds", "6");
  expect(many.stdout).not.toBe(one.stdout);
});

test("a draft from a file and from stdin, without their last newline", async () => {
  writeFileSync(at("draft.txt"), "A dog sits.\n");
  const { stdout } = await refine("--draft", "A dog sits.", "--json");
  expect(await refine("--draft-file", at("draft.txt"), "--json")).toEqual({ status: 0, stdout, stderr: "" });
  const args = ["refine", "photo.jpg", "--model", "model", "--draft-file", "-", "--json"];
  expect(await rediff(args, { cwd: root, input: "A dog sits.\r\n" })).toEqual({ status: 0, stdout, stderr: "" });
});

test("<image> that is not there for each picture is a word, and told", async () => {
  const run = await refine("--draft", "A dog.", "--threshold", "1", "--prompt", "<image> or <image>?");
  expect(run).toMatchObject({ status: 0, stdout: "A dog.\n" });
  expect(run.stderr).toMatch(/^2 <image> for 1 picture: taken for words; pictures come first$/m);
});

describe("text as people type it, and the embedded model", () => {
  const scene = async () => {
    const one = ["--count", "1", "--first", "22", "--seed", "4242"];
    expect(await rediffHere("scenes", "generate", ...one, "--output", at("scenes"))).toMatchObject({ status: 0 });
    return at("scenes/pictures/bafe9b8e-0000022.png"); // a panda at the middle left, and nothing else
  };
  const TYPED = "There is a Dog at the top left.\r\nAnd a zebra \u{1f993}! ";

  test("errors are repaired; the rest stays as it was typed, and what is unread is named", async () => {
    const picture = await scene();
    const run = await rediffHere("refine", picture, "--draft", TYPED, "--json");
    const [{ text, edits, unread }] = jsonLines(run.stdout) as [
      { text: string; edits: TextEdit[]; unread: { start: number; end: number; text: string }[] },
    ];
    expect(text).toBe("There is a panda at the middle left.\r\nAnd a zebra \u{1f993}! ");
    expect(applyEdits(TYPED, edits)).toBe(text);
    expect(unread.map((part) => part.text)).toEqual(["zebra", "\u{1f993}"]);
    for (const { start, end, text: word } of unread) expect(TYPED.slice(start, end)).toBe(word);

    const told = await rediffHere("refine", picture, "--draft", TYPED);
    expect(told.stdout).toBe(`${text}\n`);
    expect(told.stderr).toMatch(/^the model cannot read "zebra", "\u{1f993}"; left as they are$/mu);
  });

  test("a text of unread words only comes back as it is", async () => {
    const run = await rediffHere("refine", at("photo.jpg"), "--draft", "Zebras \u{1f993} graze", "--json");
    expect(jsonLines(run.stdout)).toMatchObject([
      { text: "Zebras \u{1f993} graze", edits: [], unread: [{ text: "Zebras" }, { start: 7 }, { text: "graze" }] },
    ]);
  });
});

describe("mistakes", () => {
  const photo = () => at("photo.jpg");
  const model = ["--model", at("model")];

  test.each<[string[], RegExp]>([
    [["--draft", "", ...model], /^rediff: the draft is empty\. Give the text/],
    [model, /^rediff: no draft was given\. Use --draft TEXT or --draft-file FILE\.$/m],
    [["--draft", "x", "--draft-file", "y", ...model], /--draft and --draft-file exclude each other/],
    [["--draft-file", join(root, "none.txt"), ...model], /none\.txt: no such file/],
    [["--draft", "x", "--threshold", "1.5", ...model], /^rediff: --threshold must be from 0 to 1, got 1\.5$/m],
    [["--draft", "x", "--rounds", "0", ...model], /'--rounds <N>' argument '0' is invalid\. It must be a whole number/],
    [
      ["--draft", "x".repeat(10_000), ...model],
      /than the model's 4096 positions|not fit into the model's 4096 positions/,
    ],
    [["--draft", "x", "--model", join(root, "text-only")], /is a text-only LLaDA and cannot see pictures/],
  ])("%j", async (args, line) => {
    expect(await refused(photo(), ...args)).toMatch(line);
  });

  test("a picture that is not there, or is none", async () => {
    expect(await refused(at("none.jpg"), "--draft", "x", ...model)).toMatch(/^rediff: there is no file .*none\.jpg$/m);
    expect(await refused(at("model/config.json"), "--draft", "x", ...model)).toMatch(/looks like text; expected JPEG/);
  });
});
