/** `rediff fill`: every fixed character stays, the contract of its output, and what it refuses. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect } from "vitest";
import type { FillOptions } from "../../inference/request.js";
import type { FilledBlank } from "../../inference/template/template-form.js";
import { jsonLines, rediff, rediffHere } from "../../testing/command-line.js";
import { test as base } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";

const { at, path: root } = folderOfFile();
const test = base.extend("tinyModel", { scope: "file" }, () => at("model"));

beforeAll(() => {
  writeTinyModel(at("model"));
  writeTinyModel(at("text-only"), { textOnly: true });
  copyFileSync(fixturePath("color.jpg"), at("photo.jpg"));
  copyFileSync(fixturePath("grey.jpg"), at("grey.jpg"));
  writeFileSync(at("broken.jpg"), "not a picture");
});

const TEMPLATE = "A [[2]] is on the [[3]], caf\u00e9 \u{1f600}.";
const fill = (...args: string[]) => rediffHere("fill", at("photo.jpg"), "--model", at("model"), ...args);

/** The text without its blanks, which are cut out by their offsets. */
function withoutBlanks(text: string, blanks: readonly FilledBlank[]): string {
  let rest = "";
  let from = 0;
  for (const { start, end } of blanks) {
    rest += `${text.slice(from, start)}_`;
    from = end;
  }
  return rest + text.slice(from);
}

test("--json: one line, whose blanks lie between the template's characters", async ({ model }) => {
  const args = ["fill", "photo.jpg", "--model", "model", "--template", TEMPLATE, "--json"];
  const run = await rediff(args, { cwd: root });
  expect(run).toMatchObject({ status: 0, stderr: "" });
  const [answer, ...more] = jsonLines(run.stdout) as { text: string; blanks: FilledBlank[] }[];
  expect(more).toEqual([]);
  expect(Object.keys(answer!)).toEqual([
    "image",
    "template",
    "text",
    "blanks",
    "unread",
    "token_ids",
    "steps",
    "seconds",
  ]);
  expect(answer).toMatchObject({ image: "photo.jpg", template: TEMPLATE, steps: 5 });
  const { text, blanks } = answer!;
  for (const blank of blanks) {
    expect(Object.keys(blank)).toEqual(["start", "end", "text"]);
    expect(text.slice(blank.start, blank.end)).toBe(blank.text);
    expect(blank.text).not.toBe("");
  }
  expect(withoutBlanks(text, blanks)).toBe("A _ is on the _, caf\u00e9 \u{1f600}.");
  const filling = await model.fill(at("photo.jpg"), TEMPLATE);
  expect(answer).toMatchObject({ text: filling.text, blanks: filling.blanks, token_ids: filling.tokenIds });
});

test("several pictures and templates: each with each, and the others go on when one fails", async () => {
  const templates = ["--template", "It is [[1]].", "--template", "[[2]]!"];
  const names = ["photo.jpg", "broken.jpg", "grey.jpg"];
  const run = await rediff(["fill", ...names, "--model", "model", ...templates], { cwd: root });
  expect(run.status).toBe(3);
  expect(run.stdout).toMatch(/^photo\.jpg: It is .+\.\nphoto\.jpg: .+!\ngrey\.jpg: It is .+\.\ngrey\.jpg: .+!\n$/s);
  expect(run.stderr.match(/broken\.jpg: /g)).toHaveLength(2);
  expect(run.stderr).toMatch(/rediff: 2 of 6 failed\n$/);
});

test("without a picture, and all pictures together", async ({ model }) => {
  const alone = await rediffHere("fill", "--model", at("text-only"), "--template", "The [[1]].", "--json");
  expect(jsonLines(alone.stdout)).toMatchObject([{ image: null, text: expect.stringMatching(/^The .+\.$/s) }]);
  const pictures = [at("photo.jpg"), at("grey.jpg")];
  const run = await rediffHere(
    "fill",
    ...pictures,
    "--model",
    at("model"),
    "--template",
    TEMPLATE,
    "--together",
    "--json",
  );
  const { tokenIds } = await model.fill(pictures, TEMPLATE);
  expect(jsonLines(run.stdout)).toMatchObject([{ image: pictures.join(" "), token_ids: tokenIds }]);
});

test("a template from a file or stdin, without its last newline", async () => {
  writeFileSync(at("form.txt"), "It is\n[[1]].\n");
  const run = await fill("--template-file", at("form.txt"));
  expect(run).toMatchObject({ status: 0, stderr: "", stdout: expect.stringMatching(/^It is\n.+\.\n$/s) });
  const args = ["fill", "photo.jpg", "--model", "model", "--template-file", "-"];
  const piped = await rediff(args, { cwd: root, input: "It is\n[[1]].\r\n" });
  expect(piped).toMatchObject({ status: 0, stdout: run.stdout });
});

test("--trace: all ids after every step; what is fixed is never touched", async ({ model }) => {
  const trace = at("trace.jsonl");
  await fill("--template", TEMPLATE, "--trace", trace, "--revise", "--tokens-per-step", "2");
  const steps = jsonLines(readFileSync(trace, "utf8")) as { tokens: number[]; image: string }[];
  expect(steps).toHaveLength(3);
  const { mask } = model.model.tokenizer.special;
  const all = steps.map(({ tokens }) => tokens);
  expect(all.map((tokens) => tokens.filter((id) => id === mask).length)).toEqual([3, 1, 0]);
  const fixed = [...all[0]!.keys()].filter((i) => all.every((tokens) => tokens[i] === all[0]![i]));
  expect(fixed.length).toBeGreaterThanOrEqual(all[0]!.length - 5);
  expect(steps[0]?.image).toBe(at("photo.jpg"));
});

describe("options arrive", () => {
  const cases: [string[], FillOptions][] = [
    [["--prompt", "How many cats?"], { prompt: "How many cats?" }],
    [["--steps", "2"], { steps: 2 }],
    [["--tokens-per-step", "5"], { tokensPerStep: 5 }],
    [["--threshold", "0.05"], { threshold: 0.05 }],
    [["--entropy-bound", "5"], { rule: "entropy", entropyBound: 5 }],
    [["--rule", "joint", "--edit-threshold", "0"], { rule: "joint", editThreshold: 0 }],
    [["--revise", "--steps", "3"], { revise: true, steps: 3 }],
    [["--temperature", "2", "--seed", "7"], { temperature: 2, seed: 7 }],
    [["--remasking", "random"], { remasking: "random" }],
    [["--cfg-scale", "2"], { cfgScale: 2 }],
    [["--image-join", "correct"], { imageJoin: "correct" }],
    [["--system", "You see."], { system: "You see." }],
  ];
  test.for(cases)("%j", async ([flags, options], { model }) => {
    const run = await fill("--template", TEMPLATE, "--json", ...flags);
    expect(run).toMatchObject({ status: 0, stderr: "" });
    const { tokenIds, steps } = await model.fill(at("photo.jpg"), TEMPLATE, options);
    expect(jsonLines(run.stdout)).toMatchObject([{ token_ids: tokenIds, steps }]);
  });
});

describe("mistakes: one line, before anything is computed", () => {
  writeFileSync(at("latin1.txt"), Buffer.from("Caf\xe9: [[2]].", "latin1"));
  const MODEL = ["--model", at("model")];
  test.each<[string[], RegExp]>([
    [["--template", "no blank", ...MODEL], /^rediff: the template has no blank\. Write \[\[N\]\]/],
    [["--template", "a [[x]]", ...MODEL], /^rediff: "\[\[x\]\]" at offset 2 of the template is no blank\. Write/],
    [["--template", "a [[0]]", ...MODEL], /is no blank/],
    [["--template", "[[5000]]", ...MODEL], /than the model's 4096 positions|not fit into the model's 4096 positions/],
    [MODEL, /^rediff: no template was given\. Use --template/],

    [
      ["--template", "[[1]]", "--steps", "2", "--threshold", "0.5", ...MODEL],
      /--steps and --threshold exclude each other/,
    ],
    [["--template", "[[1]]", "--threshold", "1.5", ...MODEL], /--threshold must be from 0 to 1, got 1\.5/],
    [["--template", "[[1]]", "--steps", "0", ...MODEL], /whole number from 1/],
    [["--template", "[[1]]", "--compat", ...MODEL], /unknown option '--compat'/],
    [["--template-file", at("none.txt"), ...MODEL], /none\.txt: no such file/],
    [["--template-file", at("latin1.txt"), ...MODEL], /latin1\.txt:1: is not UTF-8 at byte 3 .*iconv/],
    [["-", "--template-file", "-", ...MODEL], /cannot both come from stdin/],
    [[at("none.jpg"), "--template", "[[1]]", ...MODEL], /there is no file .*none\.jpg/],
    [[at("photo.jpg"), "--template", "[[1]]", "--model", at("text-only")], /is a text-only LLaDA and cannot see/],
    [["--template", "[[1]]", "--model", at("none")], /there is no folder/],
    [["--template", "[[1]]", "--trace", at("no/folder/t"), ...MODEL], /no\/folder/],
  ])("%j", async (args, line) => {
    const { status, stdout, stderr } = await rediffHere("fill", ...args);
    expect([1, 2]).toContain(status); // exit-status.test.ts says when which
    expect(stdout).toBe("");
    expect(stderr).toMatch(line);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });
});
