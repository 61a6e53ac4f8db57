/** `rediff data correct` as a program: killed, interrupted, refused; and what it prints, which is never the key. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, vi } from "vitest";
import { expert, linesOf, manyDrafts, pictures, writeDrafts } from "../../../pipeline/correction/testing/drafts.js";
import type { FakeExpert } from "../../../pipeline/correction/testing/fake-expert.js";
import { readTruth } from "../../../scenes/expert/oracle-reply.js";
import { startExpert } from "../../../scenes/expert/oracle-server.js";
import {
  type Finished,
  jsonLines,
  rediff,
  rediffHere,
  type Started,
  startRediff,
} from "../../../testing/command-line.js";
import { test } from "../../../testing/fixtures.js";
import { folderOfTest } from "../../../testing/folders.js";

const KEY = "sk-secret-0123456789";
const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: "" };
const OUTPUT = "out.jsonl";

const command = (fake: FakeExpert, ...more: string[]): string[] => [
  "data",
  "correct",
  "drafts.jsonl",
  ...["--output", OUTPUT, "--image-folder", pictures, "--base-url", fake.url],
  ...more,
];

async function start(folder: string, fake: FakeExpert, ...more: string[]): Promise<Started> {
  const started = await startRediff(command(fake, ...more), { cwd: folder, env });
  onTestFinished(() => void started.child.kill("SIGKILL"));
  return started;
}

/** In this process, with the folder's name taken out of what it prints. */
async function runHere(folder: string, fake: FakeExpert, ...more: string[]): Promise<Finished> {
  const [group, name, drafts, ...others] = command(fake, ...more);
  const absolute = others.map((text) => (text === OUTPUT ? join(folder, OUTPUT) : text));
  const { status, ...printed } = await rediffHere(`${group}`, `${name}`, join(folder, `${drafts}`), ...absolute);
  const clean = (text: string) => text.replaceAll(`${folder}/`, "");
  return { status, stdout: clean(printed.stdout), stderr: clean(printed.stderr) };
}

beforeEach(() => {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  return () => vi.unstubAllEnvs();
});

/** Waits for something that a program brings about. */
async function until({ child, done }: Started, isTrue: () => boolean) {
  while (!isTrue()) {
    if (child.exitCode !== null) throw new Error(`it has ended: ${(await done).stderr}`);
    await new Promise((later) => setTimeout(later, 5));
  }
}

const predictions = (lines: readonly Record<string, unknown>[]) => lines.map(({ pred }) => String(pred)).sort();

test("the report, for people and as JSON; the server is named", async ({ folder }) => {
  const fake = await expert(({ prediction }) => ({
    reply: { d0: "right", d1: '[{"org": "a", "target": "b"}]' }[prediction] ?? "no idea",
  }));
  writeDrafts(folder, [...manyDrafts(4), ...manyDrafts(1)]);
  const plain = await runHere(folder, fake, "--price-in", "1", "--price-out", "10");
  expect(plain.status).toBe(0);
  expect(plain.stderr).toBe("");
  expect(plain.stdout.replace(/in \d+s/, "in 1s").split("\n")).toEqual([
    "out.jsonl: 4 of 5 drafts answered, 1 asked as another draft",
    "  right 1 (25.0%), corrected 1 (25.0%), unusable 2 (50.0%)",
    expect.stringMatching(/^ {2}(?=.*unusable)(?=.*neither `right` nor JSON)(?=.*\b2\b)/),
    `  4 requests to ${new URL(fake.url).host} in 1s, 4000 prompt and 400 completion tokens, cost 0.0080`,
    "",
  ]);
  const json = await runHere(folder, fake, "--json");
  expect(json).toMatchObject({ status: 0, stderr: "" });
  expect(jsonLines(json.stdout)).toEqual([
    expect.objectContaining({
      answered_before: 4,
      requests: 0,
      total: expect.objectContaining({ cost: null, answers: 4 }),
    }),
  ]);
});

test("killed again and again, it asks for nothing that it has: no half line, no answer lost", async ({ folder }) => {
  const drafts = manyDrafts(60);
  writeDrafts(folder, drafts);
  const fake = await expert(({ nth }) => ({ delayMs: 10 + 10 * (nth % 3) }));
  const kept = new Set<string>();
  for (const count of [5, 20, 40]) {
    const started = await start(folder, fake, "--concurrency", "4");
    await until(started, () => fake.answered.size >= count);
    started.child.kill("SIGKILL");
    expect((await started.done).status).toBeNull();
    const text = readFileSync(join(folder, OUTPUT), "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const now = predictions(jsonLines(whole));
    for (const prediction of kept) expect(now).toContain(prediction);
    for (const prediction of now) kept.add(prediction);
    expect(now.length).toBeGreaterThanOrEqual(count - 4); // what was answered in the last moment may be lost
  }
  const before = fake.calls.length;
  const last = await rediff(command(fake, "--concurrency", "4"), { cwd: folder, env });
  expect(last.status).toBe(0);
  const asked = fake.calls.slice(before).map(({ prediction }) => prediction);
  expect(asked.filter((prediction) => kept.has(prediction))).toEqual([]);
  expect(predictions(linesOf(join(folder, OUTPUT)))).toEqual(predictions(drafts));
  expect(Math.max(...fake.answered.values())).toBeLessThanOrEqual(2);
  expect(readdirSync(folder).sort()).toEqual(["drafts.jsonl", OUTPUT]);
});

test("killed while it waits: whatever was answered is there, and each draft was answered once", async ({ folder }) => {
  writeDrafts(folder, manyDrafts(10));
  const fake = await expert(({ prediction }) => (prediction < "d6" ? undefined : { hang: true }));
  const started = await start(folder, fake);
  await until(started, () => fake.calls.length === 10 && linesOf(join(folder, OUTPUT)).length === 6);
  started.child.kill("SIGKILL");
  await started.done;
  fake.behave = () => undefined;
  expect((await rediff(command(fake), { cwd: folder, env })).status).toBe(0);
  expect([...fake.answered.values()]).toEqual(Array.from({ length: 10 }, () => 1));
  expect(linesOf(join(folder, OUTPUT))).toHaveLength(10);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends it with status %i; answers under way are kept", async (signal, status) => {
  const folder = folderOfTest();
  writeDrafts(folder, manyDrafts(20));
  const fake = await expert(({ prediction }) => ({ delayMs: prediction < "d12" ? 1 : 300 }));
  const started = await start(folder, fake, "--concurrency", "2");
  await until(started, () => fake.answered.size >= 3);
  started.child.kill(signal);
  const { status: ended, stdout, stderr } = await started.done;
  expect([ended, stdout]).toEqual([status, ""]);
  expect(stderr).toMatch(/(^|\n)rediff: interrupted\n$/);
  expect(predictions(linesOf(join(folder, OUTPUT)))).toEqual([...fake.answered.keys()].sort());
  expect(fake.calls.length).toBeLessThan(20);
  expect(existsSync(join(folder, `${OUTPUT}.lock`))).toBe(false);
});

test("a second signal ends the waiting", async ({ folder }) => {
  writeDrafts(folder, manyDrafts(3));
  const fake = await expert(() => ({ hang: true }));
  const started = await start(folder, fake);
  await until(started, () => fake.calls.length === 3);
  started.child.kill("SIGINT");
  await new Promise((later) => setTimeout(later, 600));
  expect(started.child.exitCode).toBeNull();
  started.child.kill("SIGINT");
  expect(await started.done).toMatchObject({
    status: 130,
    stderr: expect.stringMatching(/waiting for 3 answers[^\n]*\nrediff: interrupted\n$/),
  });
});

test("a second process on the same file is refused; after a kill it is not", async ({ folder }) => {
  writeDrafts(folder, manyDrafts(2));
  const fake = await expert(() => ({ hang: true }));
  const started = await start(folder, fake);
  await until(started, () => fake.calls.length === 2);
  const second = await rediff(command(fake), { cwd: folder, env });
  expect(second).toMatchObject({ status: 1, stdout: "" });
  expect(second.stderr).toMatch(/^rediff: another process is writing out\.jsonl\. Wait [^\n]*\n$/);
  expect(fake.calls).toHaveLength(2);
  started.child.kill("SIGKILL");
  await started.done;
  fake.behave = () => undefined;
  expect((await rediff(command(fake), { cwd: folder, env })).status).toBe(0);
});

test("drafts that failed: status 3, one line, a list; the key is nowhere, even if the server repeats it", async ({
  folder,
}) => {
  writeDrafts(folder, manyDrafts(4));
  const fake = await expert(({ prediction, headers }) => {
    const said = `you sent ${headers.authorization}`;
    if (prediction === "d0") return { status: 500, body: { error: { message: said } } };
    if (prediction === "d1") return { body: said };
    return { reply: said, headers: { "x-request-id": said } };
  });
  const { status, stdout, stderr } = await runHere(folder, fake, "--retries", "1", "--verbose");
  expect(status).toBe(3);
  expect(stdout).toContain("2 of 4 drafts answered, 2 failed");
  expect(stderr).toMatch(
    /rediff: 2 of 4 drafts failed \(2: the expert did not answer\), see out\.failed\.jsonl\. Run the same/,
  );
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  const everything = [stdout, stderr, ...files].join("\n");
  expect(everything).toContain("you sent Bearer [key]");
  expect(everything).not.toContain(KEY);
  expect(fake.calls.every(({ headers }) => headers.authorization === `Bearer ${KEY}`)).toBe(true);
  expect(linesOf(join(folder, "out.failed.jsonl"))).toHaveLength(2);

  const refused = await expert(({ headers }) => ({
    status: 401,
    body: { error: { message: String(headers.authorization) } },
  }));
  const ended = await runHere(folder, refused);
  expect(ended).toMatchObject({ status: 1, stdout: "" });
  expect(ended.stderr).toMatch(
    /^rediff: 127\.0\.0\.1:\d+ refuses the key in OPENAI_API_KEY \(HTTP 401\): Bearer \[key\]\. Check[^\n]*\n$/,
  );
});

test("the key, the prompt and the request as told; mistakes are one line", async ({ folder }) => {
  writeDrafts(folder, manyDrafts(1));
  writeFileSync(join(folder, "mine.txt"), "Be strict.\n");
  const fake = await expert();
  const told = [
    "--api-key-env",
    "MY_KEY",
    "--prompt",
    join(folder, "mine.txt"),
    "--model-name",
    "vlm",
    "--temperature",
    "0",
  ];
  const body = ["--max-completion-tokens", "50", "--extra-body", '{"max_tokens": 60, "max_completion_tokens": null}'];
  vi.stubEnv("MY_KEY", " other-key-98765\n");
  expect((await runHere(folder, fake, ...told, ...body)).status).toBe(0);
  const { messages: _messages, ...fields } = fake.calls[0]?.body ?? {};
  expect(fields).toEqual({ model: "vlm", temperature: 0, max_tokens: 60 });
  expect(fake.calls[0]).toMatchObject({ system: "Be strict.", headers: { authorization: "Bearer other-key-98765" } });
  for (const [wrong, message] of [
    [["--api-key-env", "NOT_SET"], /environment variable NOT_SET is not set/],
    [["--price-in", "1"], /only one of --price-in and --price-out/],
    [["--budget", "1"], /a budget needs the prices/],
    [["--extra-body", "[]"], /JSON object/],
    [["--concurrency", "0"], /whole number from 1/],
    [["--prompt", "none.txt"], /none\.txt: no such file/],
  ] as const) {
    const { status, stdout, stderr } = await runHere(folder, fake, ...wrong);
    expect([1, 2]).toContain(status);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  }
});

test("the scene world's expert corrects drafts, and select takes them", async ({ folder }) => {
  const at = (name: string) => join(folder, name);
  const run = async (...args: string[]) => expect(await rediffHere(...args)).toMatchObject({ status: 0 });
  await run("scenes", "generate", "--count", "6", "--output", at("scenes"), "--size", "32");
  await run("scenes", "tokenizer", "--output", at("model"));
  const truth = at("scenes/scenes.jsonl");
  const drafts = linesOf(truth).map(({ id, image, conversations }) => {
    const caption = (conversations as { value: string }[])[1]?.value ?? "";
    return { id, img: image, ques: "<image>\nDescribe the picture.", pred: caption };
  });
  // Half of them with a wrong place.
  const wrong = drafts.slice(3).map((draft) => ({ ...draft, pred: draft.pred.replace(/left|right|top|bottom/, swap) }));
  writeDrafts(folder, [...drafts.slice(0, 3), ...wrong]);

  const oracle = await startExpert({ truth: await readTruth(truth), port: 0 });
  onTestFinished(() => oracle.close());
  const asked = ["--image-folder", at("scenes"), "--base-url", oracle.url, "--model-name", "oracle"];
  await run("data", "correct", at("drafts.jsonl"), "--output", at(OUTPUT), ...asked);
  expect(oracle.requests).toBe(6);
  const right = linesOf(at(OUTPUT)).filter(({ revise }) => revise === "right");
  expect(predictions(right)).toEqual(
    drafts
      .slice(0, 3)
      .map(({ pred }) => pred)
      .sort(),
  );
  await run("data", "select", at(OUTPUT), "--model", at("model"), "--output", at("train.jsonl"));
  const records = linesOf(at("train.jsonl"));
  expect(records).toHaveLength(3);
  for (const { id, revise, conversations } of records) {
    const text = (conversations as { value: string }[])[1]?.value ?? "";
    const mended = (revise as { org: string; target: string }[]).reduce((t, p) => t.replace(p.org, p.target), text);
    expect(mended).not.toBe(text);
    expect(drafts.find((draft) => draft.id === id)?.pred).toBe(mended);
  }
});

const OPPOSITE: Record<string, string> = { left: "right", right: "left", top: "bottom", bottom: "top" };
const swap = (word: string) => OPPOSITE[word] ?? word;
