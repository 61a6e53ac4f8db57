/** `rediff chat` without a terminal: a line in, an answer out; what is remembered; what it refuses. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, vi } from "vitest";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { jsonLines, rediff, rediffHere, startRediff } from "../../testing/command-line.js";
import { test as base } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import type { ChatMessage } from "../../text/chat-template.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";

const { at, path: root } = folderOfFile();
const test = base.extend("tinyModel", { scope: "file" }, () => at("model"));
const SHORT = ["--model", "model", "--gen-length", "8"];

beforeAll(() => {
  writeTinyModel(at("model"));
  copyFileSync(fixturePath("color.jpg"), at("photo.jpg"));
  copyFileSync(fixturePath("grey.jpg"), at("grey one.jpg"));
  writeFileSync(at("broken.jpg"), "not a picture");
});

const chat = (input: string | Uint8Array, ...args: string[]) =>
  rediff(["chat", ...args, ...SHORT], { cwd: root, input });

/** What the library says to the same messages. */
async function replies(
  model: VisionLanguageModel,
  pictures: readonly (readonly string[])[],
  questions: readonly string[],
): Promise<string[]> {
  const messages: ChatMessage[] = [];
  const answers: string[] = [];
  for (const [i, question] of questions.entries()) {
    const added = pictures[i]?.length ?? 0;
    const content = added > 0 ? `${Array(added).fill("<image>").join(" ")}\n${question}` : question;
    messages.push({ role: "user", content });
    const sources = pictures
      .slice(0, i + 1)
      .flat()
      .map((name) => at(name));
    const { text } = await model.describe(sources, { genLength: 8, messages });
    messages.push({ role: "assistant", content: text.trim() });
    answers.push(text.trim());
  }
  return answers;
}

test("what is approximate is told beside the first answer, and in the record of every one", async () => {
  const run = await chat("What is it?\nWhich colour?\n", "--json", "--fast", "--quantize", "int4");
  expect(run.status, run.stderr).toBe(0);
  expect(
    run.stderr.match(/^fast: quantize int4, (cache refresh, )?rule threshold\n(cache refresh: .*\n)$/),
  ).not.toBeNull();
  for (const record of jsonLines(run.stdout)) expect(record.approximate).toEqual(expect.arrayContaining(["fast"]));
});

test("--json: a line for each message, and every answer knows those before it", async ({ model }) => {
  const questions = ["What is it?", "Which colour?", "Which colour?"];
  const run = await chat(`${questions[0]}\n\n${questions[1]}\r\n${questions[2]}`, "photo.jpg", "--json");
  expect(run).toMatchObject({ status: 0, stderr: "" });
  const records = jsonLines(run.stdout);
  for (const record of records)
    expect(Object.keys(record)).toEqual([
      "message",
      "text",
      "token_ids",
      "steps",
      "seconds",
      "tokens_per_second",
      "edits",
      "unread",
    ]);
  expect(records.map(({ message }) => message)).toEqual(questions);
  const answers = await replies(model, [["photo.jpg"]], questions);
  expect(records.map(({ text }) => (text as string).trim())).toEqual(answers);
  expect(answers[2]).not.toBe(answers[1]);
});

test("plain: the answers alone; pictures that come later go with the next message; /reset keeps them", async ({
  model,
}) => {
  const input = ["/image photo.jpg", "What is it?", "/image 'grey one.jpg'", "And this?", "/reset", "And this?"];
  const run = await chat(input.join("\n"));
  const answers = await replies(model, [["photo.jpg"], ["grey one.jpg"]], ["What is it?", "And this?"]);
  const [anew] = await replies(model, [["photo.jpg", "grey one.jpg"]], ["And this?"]);
  expect(run.status).toBe(0);
  expect(run.stdout).toBe([...answers, anew, ""].join("\n"));
  expect(run.stderr).toBe(
    "photo.jpg: goes with the next message\ngrey one.jpg: goes with the next message\nbegun anew, with 2 pictures\n",
  );
});

test("/reset all forgets the pictures too; // is a slash; /quit ends", async ({ model }) => {
  const run = await chat("/reset all\n//reset?\n/quit\nnever asked\n", "photo.jpg");
  expect(run).toMatchObject({ status: 0, stderr: "begun anew, with 0 pictures\n" });
  expect(run.stdout).toBe(`${(await replies(model, [], ["/reset?"]))[0]}\n`);
});

test("/save: text, or JSON that says the same, and never over a file", async () => {
  const run = await chat("Hello.\n/save chat.json\n/save chat.txt\n/save chat.txt\n", "photo.jpg");
  expect(run.status).toBe(3);
  expect(run.stderr).toBe(
    "2 messages in chat.json\n2 messages in chat.txt\nrediff: chat.txt exists. Choose another name.\n",
  );
  const said = run.stdout.trimEnd();
  expect(JSON.parse(readFileSync(at("chat.json"), "utf8"))).toEqual({
    model: expect.stringContaining("model"),
    images: ["photo.jpg"],
    messages: [
      { role: "user", content: "<image>\nHello." },
      { role: "assistant", content: said },
    ],
  });
  expect(readFileSync(at("chat.txt"), "utf8")).toBe(`photo.jpg\n\nuser: Hello.\n\nassistant: ${said}\n`);
});

test("lines that fail are told, and the others go on as if they had not been", async ({ model }) => {
  const bad: [string, RegExp][] = [
    ["/image broken.jpg", /broken\.jpg: /],
    ["/image none.jpg", /there is no file none\.jpg/],
    ["/image", /\/image needs a file/],
    ["/save", /\/save needs a file/],
    ["/save no/such/folder.txt", /cannot be written/],
    ["/reset everything", /\/reset everything is unknown\. Use \/reset/],
    ["/imagine", /\/imagine is no command\. \/help lists them/],
    [`Long ${"word ".repeat(3000)}`, /the model's 4096 positions leave no room/],
  ];
  const run = await chat(`${bad.map(([line]) => line).join("\n")}\nWhat is it?\n`, "photo.jpg");
  expect(run.status).toBe(3);
  const lines = run.stderr.trimEnd().split("\n");
  expect(lines).toHaveLength(bad.length);
  for (const [i, [, line]] of bad.entries()) expect(lines[i]).toMatch(line);
  expect(run.stdout).toBe(`${(await replies(model, [["photo.jpg"]], ["What is it?"]))[0]}\n`);
});

test("<image> is a word where there are not as many of them as new pictures, and \\<image> always", async ({
  model,
}) => {
  const questions = ["Two <image> of <image>?", "What does <image> mean?", "And \\<image>?"];
  const run = await chat(`${questions.join("\n")}\n/save words.json\n/save words.txt\n`, "photo.jpg");
  expect(run.status).toBe(0);
  const said = run.stdout.trimEnd();
  const { messages } = JSON.parse(readFileSync(at("words.json"), "utf8")) as { messages: { content: string }[] };
  expect(messages.filter((_, i) => i % 2 === 0).map(({ content }) => content)).toEqual([
    "<image>\nTwo \\<image> of \\<image>?",
    "What does \\<image> mean?",
    "And \\<image>?",
  ]);
  const transcript = readFileSync(at("words.txt"), "utf8");
  expect(transcript).toContain("user: Two <image> of <image>?\n");
  expect(transcript).toContain("user: And <image>?\n");
  const asked = messages.slice(0, -1).map((message, i) => ({ role: i % 2 === 0 ? "user" : "assistant", ...message }));
  const { text } = await model.describe(at("photo.jpg"), { genLength: 8, messages: asked });
  expect(said.endsWith(text.trim())).toBe(true);
});

test("options arrive", async ({ model }) => {
  const flags = ["--revise", "--tokens-per-step", "4", "--system", "Be brief.", "--temperature", "0.9", "--seed", "7"];
  const run = await chat("What?\n", "photo.jpg", "--json", ...flags);
  const { tokenIds, steps } = await model.describe(at("photo.jpg"), {
    genLength: 8,
    revise: true,
    tokensPerStep: 4,
    system: "Be brief.",
    temperature: 0.9,
    seed: 7,
    prompt: "What?",
  });
  expect(jsonLines(run.stdout)).toMatchObject([{ token_ids: tokenIds, steps }]);
});

test("a line that is not UTF-8 is told as what it is, and the next one has its turn", async ({ model }) => {
  const input = Buffer.concat([Buffer.from("What is it?\ncaf"), Buffer.from([0xe9]), Buffer.from("?\nWhat else?\n")]);
  const run = await chat(input, "photo.jpg");
  expect(run.status).toBe(3);
  expect(run.stderr).toMatch(/^rediff: standard input:2: is not UTF-8 at byte 15 [^\n]*iconv[^\n]*\n$/);
  const asked = await replies(model, [["photo.jpg"]], ["What is it?", "What else?"]);
  expect(run.stdout).toBe(asked.map((answer) => `${answer}\n`).join(""));
});

test("UTF-16, of which no line makes sense, ends it", async () => {
  const run = await chat(Buffer.from("Hello.\nHello.\n", "utf16le"), "photo.jpg");
  expect(run).toMatchObject({ status: 1, stdout: "" });
  expect(run.stderr).toMatch(/^rediff: standard input:1: is not UTF-8 at byte 0 \(it looks like UTF-16[^\n]*\n$/);
});

test("no messages: nothing is said", async () => {
  expect(await chat("", "photo.jpg")).toEqual({ status: 0, stdout: "", stderr: "" });
});

test.each(["SIGINT", "SIGTERM"] as const)("%s ends it", async (signal) => {
  const args = ["chat", ...SHORT.slice(0, 2), "--gen-length", "1024"];
  const { child, done } = await startRediff(args, { cwd: root, input: "/help\nHello.\nHello.\nHello.\n" });
  let told = "";
  child.stderr.on("data", (text: string) => {
    told += text;
  });
  await vi.waitFor(() => expect(told).toContain("/quit"), { timeout: 60_000 });
  child.kill(signal);
  expect(await done).toMatchObject({
    status: signal === "SIGINT" ? 130 : 143,
    stdout: "",
    stderr: expect.stringMatching(/rediff: interrupted\n$/),
  });
});

describe("mistakes: one line, before anything is computed", () => {
  const MODEL = ["--model", at("model")];
  test.each<[string[], RegExp]>([
    [["--steps", "3", "--threshold", "0.9", ...MODEL], /--steps and --threshold exclude each other/],
    [["--conversation", "llada_plain", ...MODEL], /llada_plain has no turns/],
    [["--prompt", "x", ...MODEL], /unknown option '--prompt'/],
    [["-", ...MODEL], /messages come from stdin/],
    [[at("none.jpg"), ...MODEL], /there is no file .*none\.jpg/],
    [[at("broken.jpg"), ...MODEL], /broken\.jpg/],
    [["--model", at("none")], /there is no folder/],
  ])("%j", async (args, line) => {
    const { status, stdout, stderr } = await rediffHere("chat", ...args);
    expect([1, 2]).toContain(status); // exit-status.test.ts says when which
    expect(stdout).toBe("");
    expect(stderr).toMatch(line);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });
});
