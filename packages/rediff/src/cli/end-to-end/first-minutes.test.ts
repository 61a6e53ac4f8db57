/** A new user's first minutes, in a terminal: README's commands, a photo and a text of one's own, the library's example,
 *  a training that is cut short. As typed, each a program of its own; the browser's part is packages/studio/e2e. */
import { spawn } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { jsonLines, rediff, startProgram } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";

const { at, path: folder } = folderOfFile();
const workspace = fileURLToPath(new URL("../../../../../", import.meta.url));
const photo = at("My Photo.jpg");
copyFileSync(join(workspace, "examples/cat.jpg"), photo);

/** As `npx rediff` in the user's folder. */
const typed = async (...args: string[]) => {
  const run = await rediff(args, { cwd: folder });
  expect(run.status, run.stderr).toBe(0);
  return run;
};

test("npm start: the page and the API, until Ctrl-C", async () => {
  // A group of its own, to which Ctrl-C goes as a terminal has it: to npm, the script and the server alike.
  const child = spawn("npm", ["start", "--silent", "--", "--port", "0"], { cwd: workspace, detached: true });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let stderr = "";
  child.stderr.on("data", (text: Buffer) => {
    stderr += text.toString();
  });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.once("data", (text: Buffer) => resolve(text.toString().trim()));
      ended.then(() => reject(new Error(stderr)));
    });
    expect(await (await fetch(url)).text()).toContain("<html");
    const models = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(models.data[0]?.id).toBe("rediff-demo");
  } finally {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
  }
  await ended;
  expect(stderr).toMatch(/rediff-demo is ready at http/);
  expect(stderr).not.toMatch(/[Ww]arning/);
});

test("npm start with options that cannot be: told at once, nothing is fetched", async () => {
  const env = { REDIFF_CACHE: at("nothing"), LIBTORCH: "" };
  for (const options of [["--port", "x"], ["--bogus"], ["--model", "none"]]) {
    const { done } = startProgram("npm", ["start", "--silent", "--", ...options], { cwd: workspace, env });
    const { status, stdout, stderr } = await done;
    expect([status, stdout], stderr).toEqual([2, ""]);
    expect(stderr).toMatch(/^rediff: [^\n]+\n$/);
  }
});

test("a photo of one's own, a text with capitals, a training and its model", async () => {
  const caption = await typed("caption", photo, "--revise", "--tokens-per-step", "4");
  expect(caption.stdout).toMatch(/^\w+ \w+.*\n$/);
  expect(caption.stderr).toMatch(/the embedded model answers\. It knows scenes of stickers/);

  await typed("scenes", "generate", "--count", "24", "--seed", "7", "--wording", "plain", "--output", "data/first");
  const [scene] = jsonLines(readFileSync(at("data/first/scenes.jsonl"), "utf8"));
  const { image, conversations } = scene as { image: string; conversations: { value: string }[] };
  const truth = conversations[1]?.value ?? "";
  const mine = truth.charAt(0).toUpperCase() + truth.slice(1);
  const refined = await typed("refine", at("data/first", image), "--draft", mine, "--json");
  const { text } = jsonLines(refined.stdout)[0] as { text: string };
  expect(text.charAt(0)).toBe(mine.charAt(0));

  const few = ["max_steps=2", "batch_size=2", "workers=0", "evaluate=null", `model=${join(workspace, "models/demo")}`];
  const data = 'data=[{json_path: data/first/scenes.jsonl, sampling_strategy: "first:8"}]';
  const train = await typed("train", join(workspace, "recipes/first.yaml"), data, ...few);
  expect(train.stderr).toMatch(/trained: exp\/first \(try it: rediff caption PICTURE --model exp\/first\)/);
  expect((await typed("caption", photo, "--model", "exp/first", "--tokens-per-step", "8")).stdout).toMatch(/\w/);
});

test("README's example of the library, saved in the checkout and run, with the embedded model", async () => {
  const readme = readFileSync(join(workspace, "README.md"), "utf8");
  const [, code = ""] = /^```ts\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  expect(code).toContain('loadModel("path/to/ReDiff")');
  const file = at("caption.mjs");
  // It lies elsewhere, so what the checkout would find is named.
  const library = new URL("../../../dist/index.js", import.meta.url).href;
  const own = code.replace('"path/to/ReDiff"', "").replace('"photo.jpg"', JSON.stringify(photo));
  writeFileSync(file, own.replace('"rediff"', JSON.stringify(library)));
  const run = await startProgram(process.execPath, [file], { cwd: dirname(file) }).done;
  expect([run.status, run.stderr]).toEqual([0, ""]);
  expect(run.stdout).toMatch(/\w+ \w+/);
});
