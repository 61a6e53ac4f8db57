/** `rediff caption`: the contract of its output, its inputs, and that every option arrives. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect } from "vitest";
import type { DescribeOptions } from "../../inference/request.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { loadModel, type VisualSource } from "../../inference/vision-language-model.js";
import { jsonLines, rediff, rediffHere } from "../../testing/command-line.js";
import { test as base } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { writeWordModel } from "../../text/testing/word-tokenizer.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";

const { at, path: root } = folderOfFile();
const test = base.extend("tinyModel", { scope: "file" }, () => at("model"));
const MODEL = ["--model", at("model")];
const SHORT = [...MODEL, "--gen-length", "16"];

beforeAll(() => {
  writeTinyModel(at("model"));
  mkdirSync(at("pictures"));
  copyFileSync(fixturePath("color.jpg"), at("pictures/b.jpg"));
  copyFileSync(fixturePath("rgba.png"), at("pictures/a.PNG"));
  copyFileSync(fixturePath("grey.jpg"), at("pictures/c.jpeg"));
  copyFileSync(fixturePath("pillow.json"), at("pictures/notes.json"));
});

const REVISING = ["--revise", "--tokens-per-step", "4"];

describe("the program", () => {
  test("--json: the keys of the contract, in a line for each picture, and nothing else", async ({ model }) => {
    const names = ["pictures/b.jpg", "pictures/a.PNG"];
    const run = await rediff(["caption", ...names, ...SHORT, ...REVISING, "--json"], { cwd: root });
    expect(run).toMatchObject({ status: 0, stderr: "" });
    const records = jsonLines(run.stdout);
    expect(records.map(({ image }) => image)).toEqual(names);
    for (const record of records) {
      expect(Object.keys(record)).toEqual([
        "image",
        "text",
        "token_ids",
        "steps",
        "seconds",
        "tokens_per_second",
        "edits",
      ]);
      expect(record.steps).toBe(4);
      expect(record.token_ids).toHaveLength(16);
      expect(record.tokens_per_second).toBeCloseTo(16 / (record.seconds as number), 0);
      const { text, tokenIds, edits } = await model.describe(at(record.image as string), {
        genLength: 16,
        tokensPerStep: 4,
        revise: true,
      });
      expect(record).toMatchObject({ text, token_ids: tokenIds });
      expect(edits.length).toBeGreaterThan(0);
      expect(record.edits).toEqual(edits.map(({ step, position, from, to }) => ({ step, position, from, to })));
    }
  });

  test("a list on stdin, a pattern and a folder: each picture once, in order, with its name", async () => {
    const args = ["caption", "-", "pictures/*.jpeg", "pictures/", ...MODEL, "--gen-length", "4", "--batch", "2"];
    const run = await rediff(args, { cwd: root, input: "pictures/b.jpg\n\npictures/c.jpeg\r\n" });
    const stderr = "pictures/: left out 1 file that is no picture: notes.json (text)\n";
    expect(run).toMatchObject({ status: 0, stderr });
    expect(run.stdout).toMatch(/^pictures\/b\.jpg: .+\npictures\/c\.jpeg: .+\npictures\/a\.PNG: .+\n$/);
  });

  const haveFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
  test.skipIf(!haveFfmpeg)(`a video${haveFfmpeg ? "" : " (SKIPPED: ffmpeg is not installed)"}`, async ({ model }) => {
    const clip = at("clip.mp4");
    spawnSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=1", clip]);
    const run = await rediff(["caption", "clip.mp4", ...SHORT, "--video-frames", "3", "--json"], { cwd: root });
    expect(run).toMatchObject({ status: 0, stderr: "" });
    const { tokenIds } = await model.describe(clip, { genLength: 16, videoFrames: 3 });
    expect(jsonLines(run.stdout)).toMatchObject([{ image: "clip.mp4", token_ids: tokenIds }]);
    const all = await model.describe({ video: clip }, { genLength: 16, videoFrames: 10 });
    expect(all.tokenIds).not.toEqual(tokenIds);
  });
});

describe("output", () => {
  const picture = at("pictures/b.jpg");

  test("one picture is its text alone", async ({ model }) => {
    const { text } = await model.describe(picture, { genLength: 16 });
    expect(await rediffHere("caption", picture, ...SHORT)).toEqual({
      status: 0,
      stdout: `${text.trim()}\n`,
      stderr: "",
    });
  });

  test("--together: one answer about all", async ({ model }) => {
    const pictures = [picture, at("pictures/a.PNG")];
    const run = await rediffHere("caption", ...pictures, ...SHORT, "--together", "--json");
    const { tokenIds } = await model.describe(pictures, { genLength: 16 });
    expect(jsonLines(run.stdout)).toMatchObject([{ image: pictures.join(" "), token_ids: tokenIds }]);
  });

  test("--trace: all ids after every step, and who changed what", async ({ model }) => {
    const trace = at("trace.jsonl");
    const pictures = [picture, at("pictures/c.jpeg")];
    const args = [...SHORT, ...REVISING, "--batch", "2", "--json", "--trace", trace];
    const run = await rediffHere("caption", ...pictures, ...args);
    const steps = jsonLines(readFileSync(trace, "utf8"));
    const keys = ["step", "block", "tokens", "confidence", "filled", "revised", "changes", "seconds"];
    expect(Object.keys(steps[0]!)).toEqual(["image", "type", ...keys, "request"]);
    for (const step of steps) expect("request" in step, "with the first step of each answer").toBe(step.step === 0);
    expect(steps[0]!.request).toMatchObject({ gen_length: 16, steps: 4, revise: true, seed: 42, image_join: "legacy" });
    const { mask } = model.model.tokenizer.special;
    for (const record of jsonLines(run.stdout)) {
      const own = steps.filter(({ image }) => image === record.image) as {
        step: number;
        tokens: number[];
        filled: number[];
        revised: { position: number; from: number; to: number }[];
      }[];
      expect(own.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
      expect(own.map(({ tokens }) => tokens.filter((id) => id === mask).length)).toEqual([12, 8, 4, 0]);
      expect(own.at(-1)?.tokens).toEqual(record.token_ids);
      expect(own.flatMap(({ filled }) => filled).sort((a, b) => a - b)).toEqual([...Array(16).keys()]);
      const edits = own.flatMap(({ step, revised }) => revised.map(({ position }) => ({ step, position })));
      expect(record.edits).toMatchObject(edits);
    }
  });

  test("--output: results go to the file, and none is made twice", async () => {
    const output = at("results.jsonl");
    const trace = at("results-trace.jsonl");
    const args = [...MODEL, "--gen-length", "4", "--output", output, "--trace", trace];
    expect(await rediffHere("caption", picture, ...args)).toEqual({ status: 0, stdout: "", stderr: "" });
    const [first] = jsonLines(readFileSync(output, "utf8"));
    const again = await rediffHere("caption", at("pictures"), ...args, "--json");
    const leftOut = `${at("pictures")}: left out 1 file that is no picture: notes.json (text)\n`;
    expect(again).toMatchObject({ status: 0, stderr: `${leftOut}1 of 3 are in ${output} already\n` });
    const records = jsonLines(readFileSync(output, "utf8"));
    expect(records.map(({ image }) => image)).toEqual([picture, at("pictures/a.PNG"), at("pictures/c.jpeg")]);
    expect(records[0]).toEqual(first);
    const options = { gen_length: 4, steps: 4, image_join: "legacy", auto_orient: true, seed: 42, revise: false };
    expect(first).toMatchObject({ model: at("model"), checkpoint: expect.stringMatching(/^sha256:/), options });
    expect(first?.prompt).toBe("Please describe the image in detail.");
    expect(jsonLines(again.stdout)).toEqual(records.slice(1));
    expect(jsonLines(readFileSync(trace, "utf8"))).toHaveLength(12); // that of the first run is kept
    const done = await rediffHere("caption", at("pictures"), ...args);
    expect(done).toEqual({ status: 0, stdout: "", stderr: `${leftOut}3 of 3 are in ${output} already\n` });
  });
});

test("--trace replaces neither the picture nor the results, nor shares their file", async () => {
  const [picture, both] = [at("keep.jpg"), at("both.jsonl")];
  copyFileSync(fixturePath("color.jpg"), picture);
  const over = await rediffHere("caption", picture, ...SHORT, "--trace", picture);
  expect(over).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/keep\.jpg is read and cannot be written to\. Name/),
  });
  expect(readFileSync(picture).equals(readFileSync(fixturePath("color.jpg")))).toBe(true);
  const shared = await rediffHere("caption", picture, ...SHORT, "--output", both, "--trace", `${root}/./both.jsonl`);
  expect(shared).toMatchObject({ status: 2, stdout: "" });
  expect(shared.stderr).toMatch(/^rediff: --output and --trace are both .*both\.jsonl\. Name two files\.$/m);
});

test.each(["--output", "--trace"])("%s without a name is refused, not left out", async (option) => {
  const run = await rediffHere("caption", at("pictures/b.jpg"), ...SHORT, option, "");
  expect(run).toMatchObject({ status: 2, stdout: "" });
  expect(run.stderr).toMatch(/the name of a file to be written is empty/);
});

test("words of a suffix that the model cannot read are told", async () => {
  const suffix = ["--gen-length", "4", "--suffix", "the End \u{1f600}"];
  const run = await rediffHere("caption", at("pictures/b.jpg"), "--model", writeWordModel(at("words")), ...suffix);
  expect(run.stderr).toMatch(/^of the suffix the model cannot read "End", "\u{1f600}"; the answer does not have it$/mu);
});

test("--output goes on with the same model, prompt and options only, and says what is another", async () => {
  const output = at("same.jsonl");
  const picture = at("pictures/b.jpg");
  const run = (...flags: string[]) => rediffHere("caption", picture, "--gen-length", "4", "--output", output, ...flags);
  expect((await run(...MODEL)).status).toBe(0);
  const before = readFileSync(output, "utf8");
  writeTinyModel(at("other"), { seed: 9 });
  for (const [flags, message] of [
    [[...MODEL, "--gen-length", "8"], /same\.jsonl:1 was made with gen_length 4, now it is 8\. Go on with the same/],
    [[...MODEL, "--prompt", "Why?"], /with prompt "Please describe the image in detail\.", now it is "Why\?"/],
    [["--model", at("other")], /was made with a model of "sha256:\w+", now it is "sha256:/],
    [[...MODEL, "--as-stored"], /was made with auto_orient true, now it is false/],
    [[...MODEL, "--dtype", "bfloat16"], /was made with dtype "float32", now it is "bfloat16"/],
    [[...MODEL, "--vision-tower", at("other")], /was made with vision_tower null, now it is ".*other"/],
    [[...MODEL, "--cache", "refresh"], /was made with cache null, now it is \{"kind":"refresh"/],
    [[...MODEL, "--fast"], /was made with \w+ .*, now it is /],
    [[...MODEL, "--stop", "x"], /was made with stop \[\], now it is \["x"\]/],
  ] as const) {
    const { status, stderr } = await run(...flags);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  }
  // Another way to say the same is no difference.
  expect(
    await run(...MODEL, "--steps", "4", "--block-length", "4", "--auto-orient", "--dtype", "float32"),
  ).toMatchObject({ status: 0 });
  expect(readFileSync(output, "utf8")).toBe(before);

  writeFileSync(output, `${JSON.stringify({ image: picture, text: "" })}\n`);
  expect((await run(...MODEL)).stderr).toMatch(/same\.jsonl:1 was made with a model of unknown, now it is "sha256:/);
});

describe("options arrive", () => {
  const picture = at("pictures/a.PNG"); // with alpha: `--compat` sees other pixels
  const turned = fixturePath("exif6.jpg");
  type Case = [flags: string[], options: DescribeOptions, source?: VisualSource];
  const cases: Case[] = [
    [["--prompt", "How many cats?"], { prompt: "How many cats?" }],
    [["--prompt", "Look: <image> What is it?"], { prompt: "Look: <image> What is it?" }],
    [["--system", "Be brief."], { system: "Be brief." }],
    [["--conversation", "llada_plain"], { conversation: "llada_plain" }],
    [["--image-join", "correct"], { imageJoin: "correct" }],
    [["--steps", "5"], { steps: 5 }],
    [["--tokens-per-step", "3"], { tokensPerStep: 3 }],
    [["--threshold", "0.2"], { threshold: 0.2 }],
    [["--block-length", "4", "--steps", "8"], { blockLength: 4, steps: 8 }],
    [["--temperature", "0.9", "--seed", "7"], { temperature: 0.9, seed: 7 }],
    [["--cfg-scale", "1.5"], { cfgScale: 1.5 }],
    [["--remasking", "random", "--seed", "1"], { remasking: "random", seed: 1 }],
    [REVISING, { revise: true, tokensPerStep: 4 }],
    [[...REVISING, "--revise-topk", "0.3"], { revise: true, tokensPerStep: 4, reviseTopk: 0.3 }],
    [[...REVISING, "--revise-start", "0.5"], { revise: true, tokensPerStep: 4, reviseStart: 0.5 }],
    [["--suffix", " The end."], { suffix: " The end." }],
    [["--draft", "It is a", "--steps", "8"], { draft: "It is a", steps: 8 }],
    [["--rule", "threshold", "--threshold", "0.02"], { rule: "threshold", threshold: 0.02 }],
    [["--rule", "factor", "--factor", "3"], { rule: "factor", factor: 3 }],
    [["--entropy-bound", "9"], { entropyBound: 9 }],
    [["--rule", "joint", "--steps", "4"], { rule: "joint", steps: 4 }],
    [
      ["--rule", "joint", "--threshold", "0.02", "--edit-threshold", "0", "--post-edit-steps", "3"],
      { rule: "joint", threshold: 0.02, editThreshold: 0, postEditSteps: 3 },
    ],
    [["--confidence-among", "all", "--threshold", "0.1"], { confidenceAmong: "all", threshold: 0.1 }],
    [["--revise", "--steps", "8", "--revise-rest"], { revise: true, steps: 8, reviseRest: true }],
    [["--cache", "dllm-cache"], { cache: { promptInterval: 25, genInterval: 7, transferRatio: 0.25 } }],
    [["--cache", "4,2,0.5"], { cache: { promptInterval: 4, genInterval: 2, transferRatio: 0.5 } }],
    [["--cache", "refresh", "--refresh-every", "5"], { cache: "refresh", refreshEvery: 5 }],
    [["--cache", "refresh", "--refresh-changed", "0.5"], { cache: "refresh", refreshChanged: 0.5 }],
    [["--cache", "refresh", "--revise", "--no-certify"], { cache: "refresh", revise: true, certify: false }],
    [["--cache", "fast-dllm", "--refresh-every", "4"], { cache: "fast-dllm", refreshEvery: 4 }],
    [["--compat"], { compat: true }],
    [["--compat"], { compat: true }, fixturePath("grey16.png")],
    [["--as-stored"], { asStored: true }, turned],
  ];
  const plain = new Map<VisualSource, Promise<number[]>>();
  const plainAnswer = (model: VisionLanguageModel, source: VisualSource): Promise<number[]> => {
    const answer = plain.get(source) ?? model.describe(source, { genLength: 16 }).then(({ tokenIds }) => tokenIds);
    plain.set(source, answer);
    return answer;
  };

  test.for(cases)("%j", async ([flags, options, source = picture], { model }) => {
    const run = await rediffHere("caption", source as string, ...SHORT, ...flags, "--json");
    const told = options.cache === undefined ? /^$/ : /^cache [\w-]+: \d+ of \d+ passes computed everything/;
    expect(run).toMatchObject({ status: 0, stderr: expect.stringMatching(told) });
    const { text, tokenIds, steps } = await model.describe(source, { genLength: 16, ...options });
    expect(jsonLines(run.stdout)).toMatchObject([{ text, token_ids: tokenIds, steps }]);
    expect(tokenIds, "without them the answer is another").not.toEqual(await plainAnswer(model, source));
  });

  test("--stop ends the answer, at the first of several", async ({ model }) => {
    const whole = await model.describe(picture, { genLength: 16 });
    const [second, fourth] = [1, 3].map((i) => model.model.tokenizer.decode([whole.tokenIds[i]!])) as [string, string];
    const run = await rediffHere("caption", picture, ...SHORT, "--stop", fourth, "--stop", second, "--json");
    const [record] = jsonLines(run.stdout);
    expect((record!.token_ids as number[]).length).toBeLessThanOrEqual(1);
    const one = await rediffHere("caption", picture, ...SHORT, "--stop", fourth, "--json");
    expect((jsonLines(one.stdout)[0]!.token_ids as number[]).length).toBeLessThanOrEqual(3);
  });

  test("the same seed is the same text, another seed another", async () => {
    const answer = async (seed: string) =>
      (await rediffHere("caption", picture, ...SHORT, "--temperature", "1", "--seed", seed)).stdout;
    expect(await answer("3")).toBe(await answer("3"));
    expect(await answer("4")).not.toBe(await answer("3"));
  });

  test("--fast: cache, rule and rounded weights, and the answer names them", async () => {
    const run = await rediffHere("caption", picture, ...SHORT, "--revise", "--fast", "--json");
    expect(run.stderr).toMatch(/^fast: quantize int8, cache refresh, rule threshold\ncache refresh: /);
    using rounded = await loadModel(at("model"), { quantize: "int8" });
    const { tokenIds } = await rounded.describe(picture, { genLength: 16, revise: true, fast: true });
    const approximate = ["fast", "quantize int8", "cache refresh", "rule threshold"];
    expect(jsonLines(run.stdout)).toMatchObject([{ token_ids: tokenIds, quantize: "int8", approximate }]);
    const refused = await rediffHere("caption", picture, ...SHORT, "--fast", "--tokens-per-step", "4");
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toMatch(
      /--fast and --tokens-per-step exclude each other\. In place of --fast, give .*--cache/,
    );
  });

  test.for(["int8", "int4", "float8"] as const)(
    "--quantize %s: as the folder that was converted to it",
    async (quantize) => {
      const folder = at(quantize);
      const converted = await rediffHere("convert", "--quantize", quantize, at("model"), folder);
      expect(converted.status).toBe(0);
      const asked = ["--gen-length", "16", "--json"];
      const run = await rediffHere("caption", picture, ...MODEL, ...asked, "--quantize", quantize);
      const slow = quantize === "float8" ? "rediff: float8 is for GPUs, .* on the CPU .*; int8 is .*\\n" : "";
      const said = expect.stringMatching(new RegExp(`^${slow}approximate: quantize ${quantize}\\n$`));
      expect(run).toMatchObject({ status: 0, stderr: said });
      const there = await rediffHere("caption", picture, "--model", folder, ...asked);
      expect(there.stderr).toEqual(said);
      const [record, same] = [run, there].map(({ stdout }) => jsonLines(stdout)[0]);
      expect(record).toMatchObject({ quantize, approximate: [`quantize ${quantize}`] });
      expect(same).toMatchObject({ quantize, token_ids: record?.token_ids });
      const other = quantize === "int8" ? "int4" : "int8";
      const twice = await rediffHere("caption", picture, "--model", folder, "--quantize", other);
      expect(twice.stderr).toMatch(new RegExp(`has weights in ${quantize}, not in ${other}`));
    },
  );

  test("--dtype, --threads, --device", async () => {
    const flags = ["--dtype", "bfloat16", "--threads", "1", "--device", "cpu"];
    const run = await rediffHere("caption", picture, ...SHORT, ...flags, "--json");
    using half = await loadModel(at("model"), { dtype: "bfloat16" });
    const { tokenIds } = await half.describe(picture, { genLength: 16 });
    expect(jsonLines(run.stdout)).toMatchObject([{ token_ids: tokenIds }]);
    const older = await rediffHere("caption", picture, ...SHORT, "--dtype", "float16", "--json");
    expect(older).toMatchObject({ status: 0, stderr: expect.stringMatching(/^rediff: float16 is for GPUs: .*\n$/) });
  });
});
