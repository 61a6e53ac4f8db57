import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { asFlag, type UserError } from "../../errors.js";
import { type Behaviour, type FakeExpert, startFakeExpert } from "../../pipeline/correction/testing/fake-expert.js";
import { folderOfTest } from "../../testing/folders.js";
import { judgeClair, scoreClair } from "../captions/clair.js";
import type { SuiteQuestion } from "../captions/suite.js";
import { Judge } from "./judge.js";
import type { JudgeOptions } from "./judge-options.js";

const question = (text: string, attempt = 0): SuiteQuestion => ({
  ...{ purpose: "test", maxTokens: 50, temperature: 0, attempt },
  messages: [{ role: "user", content: text }],
});

const many = Array.from({ length: 24 }, (_, i) => `question ${i}`);

async function server(behave?: FakeExpert["behave"]): Promise<FakeExpert> {
  const fake = await startFakeExpert(behave ?? ((call) => ({ reply: `about ${call.text}` })));
  onTestFinished(() => fake.close());
  return fake;
}

async function judgeAt(fake: FakeExpert, judgeCache: string, options: Partial<JudgeOptions> = {}): Promise<Judge> {
  const quick = { judgeUrl: fake.url, judgeModel: "fake", timeoutMs: 2000, firstWaitMs: 1, graceMs: 50 };
  const judge = await Judge.open({ ...quick, judgeCache, ...options });
  onTestFinished(() => judge.close());
  return judge;
}

const linesOf = (folder: string) => readFileSync(join(folder, "judgements.jsonl"), "utf8").split("\n").filter(Boolean);

/** A server in bad shape: each question meets one kind of trouble before its answer. */
function troubled(first: (i: number) => Behaviour): FakeExpert["behave"] {
  return ({ text, nth }) => {
    const i = Number(/\d+/.exec(text)?.[0]);
    return nth === 1 ? first(i) : { reply: `about ${text}` };
  };
}

const troubles: readonly Behaviour[] = [
  { status: 429, headers: { "retry-after": "0" }, body: { error: { message: "slow down" } } },
  { body: "<html><body>Bad gateway</body></html>" },
  { cutAfter: 40 },
  { cutAfter: 0 },
  { status: 503, body: "overloaded" },
  { delayMs: 30 },
];

describe("a judge", () => {
  test("loses no judgement at a server that is slow, busy, cut off or speaks HTML, and asks none twice", async () => {
    const fake = await server(troubled((i) => ({ reply: `about question ${i}`, ...troubles[i % troubles.length] })));
    const folder = folderOfTest();
    const judge = await judgeAt(fake, folder);
    const replies = await Promise.all(many.map((text) => judge.ask(question(text))));
    expect(replies).toEqual(many.map((text) => `about ${text}`));
    expect(judge.report).toMatchObject({ asked: many.length, cached: 0, failed: {} });
    expect([...fake.answered.values()]).toEqual(many.map(() => 1));
    const before = fake.calls.length;
    const later = await judgeAt(fake, folder);
    expect(await Promise.all(many.map((text) => later.ask(question(text))))).toEqual(replies);
    expect(later.report).toMatchObject({ asked: 0, cached: many.length });
    expect(fake.calls.length).toBe(before);
  });

  test("asks once what two ask at the same time, in one process or in several that share a cache", async () => {
    const fake = await server(({ text }) => ({ reply: `about ${text}`, delayMs: 20 }));
    const folder = folderOfTest();
    const judges = [await judgeAt(fake, folder), await judgeAt(fake, folder)];
    const some = [...many.slice(0, 5), ...many.slice(0, 5)];
    await Promise.all(judges.flatMap((judge) => some.map((text) => judge.ask(question(text)))));
    expect(fake.calls.length).toBe(5);
    expect(linesOf(folder)).toHaveLength(5);
  });

  test("asks anew under another attempt, and under other settings", async () => {
    const fake = await server();
    const folder = folderOfTest();
    const judge = await judgeAt(fake, folder);
    await judge.ask(question("x"));
    await judge.ask(question("x", 1));
    await judge.ask({ ...question("x"), temperature: 0.5 });
    expect(fake.calls.map(({ body }) => body.temperature)).toEqual([0, 0, 0.5]);
  });

  test("survives a torn last line, and asks only what was lost with it", async () => {
    const fake = await server();
    const folder = folderOfTest();
    const judge = await judgeAt(fake, folder);
    for (const text of ["a", "b"]) await judge.ask(question(text));
    const file = join(folder, "judgements.jsonl");
    truncateSync(file, readFileSync(file).length - 10);
    const later = await judgeAt(fake, folder);
    for (const text of ["a", "b", "c"]) await later.ask(question(text));
    expect(fake.calls.map(({ text }) => text)).toEqual(["a", "b", "b", "c"]);
    appendFileSync(file, '{"key":"half');
    const last = await judgeAt(fake, folder);
    for (const text of ["a", "b", "c", "d"]) await last.ask(question(text));
    const after = await judgeAt(fake, folder);
    for (const text of ["a", "b", "c", "d"]) await after.ask(question(text));
    expect(fake.calls.map(({ text }) => text)).toEqual(["a", "b", "b", "c", "d"]);
  });

  test("counts and names what stays without a reply, and the score tells of it", async () => {
    const fake = await server(({ system }) =>
      system.includes("caption 1.") ? { status: 500, body: "no" } : { reply: '{"score": 80, "reason": "same"}' },
    );
    const folder = folderOfTest();
    const judge = await judgeAt(fake, folder, { retries: 2 });
    const documents = [0, 1, 2].map((i) => ({ image: `${i}.jpg`, reference: "a reference" }));
    const samples = await Promise.all(documents.map((it, i) => judgeClair(it, `caption ${i}.`, judge.ask)));
    const result = scoreClair(samples);
    expect(result).toMatchObject({ clair: 0.8, troubles: { judge_failed: ["1.jpg"] } });
    expect(result.clair_lost_as_zero).toBeCloseTo(1.6 / 3, 12);
    expect(judge.report).toMatchObject({ failed: { no_answer: 1 }, asked: 2, requests: 5 });
    fake.behave = () => ({ reply: '{"score": 50, "reason": "half"}' });
    const later = await judgeAt(fake, folder);
    const again = await Promise.all(documents.map((it, i) => judgeClair(it, `caption ${i}.`, later.ask)));
    expect(scoreClair(again)).toMatchObject({ clair: (0.8 + 0.5 + 0.8) / 3, troubles: {} });
    expect(later.report).toMatchObject({ asked: 1, cached: 2 });
  });

  test("takes a content filter for an empty reply, and keeps it", async () => {
    const fake = await server(() => ({ status: 400, body: { error: { message: "no", code: "content_filter" } } }));
    const folder = folderOfTest();
    expect(await (await judgeAt(fake, folder)).ask(question("x"))).toBe("");
    expect(await (await judgeAt(fake, folder)).ask(question("x"))).toBe("");
    expect(fake.calls.length).toBe(1);
  });

  test("never spends more than its budget, earlier runs included", async () => {
    const fake = await server();
    const folder = folderOfTest();
    // 1000 tokens in and 100 out are 0.002 with these prices.
    const money = { prices: { in: 1, out: 10 }, budget: 0.009, concurrency: 3 };
    const judge = await judgeAt(fake, folder, money);
    const replies = await Promise.all(many.map((text) => judge.ask(question(text))));
    const answered = replies.filter((reply) => reply !== undefined).length;
    expect(answered).toBe(4);
    expect(judge.report).toMatchObject({ cost: 0.008, failed: { budget: many.length - 4 } });
    const later = await judgeAt(fake, folder, money);
    expect(await later.ask(question("one more"))).toBeUndefined();
    expect(fake.calls.length).toBe(4);
  });

  test("counts in a dry run what it would ask, and asks nothing", async () => {
    const fake = await server();
    const folder = folderOfTest();
    await (await judgeAt(fake, folder)).ask(question("known"));
    const judge = await judgeAt(fake, folder, { dryRun: true, prices: { in: 1, out: 1 } });
    expect(await judge.ask(question("known"))).toBe("about known");
    expect(await judge.ask(question("new"))).toBeUndefined();
    await judge.ask({ ...question("with one more"), followedBy: 1 });
    expect(judge.report).toMatchObject({ cached: 1, asked: 0, dry_run: { calls: 3 } });
    expect(judge.report.dry_run?.cost_at_most).toBeGreaterThan(0);
    expect(fake.calls.length).toBe(1);
  });

  test("says what is missing before the first question", async () => {
    const folder = join(folderOfTest(), "cache");
    const open = Judge.open({ judgeModel: "gpt-4o", judgeCache: folder });
    await expect(open).rejects.toThrow(/api\.openai\.com asks for a key, and .* OPENAI_API_KEY is not set/);
    const error = await open.catch((reason: unknown) => reason);
    expect((error as UserError).spelled(asFlag)).toContain("--judge-url");
    expect(existsSync(folder)).toBe(false);
    await expect(Judge.open({ judgeModel: " ", judgeCache: folder, apiKey: "k" })).rejects.toThrow("no name");
    await expect(Judge.open({ judgeModel: "m", judgeCache: folder, apiKey: "k", budget: 1 })).rejects.toThrow("prices");
  });

  test("ends at once where every question would fail: a wrong key, a wrong name, nobody there", async () => {
    const fake = await server(() => ({ status: 401, body: { error: { message: "who are you" } } }));
    const judge = await judgeAt(fake, folderOfTest(), { apiKey: "sk-something-long" });
    const refused = await Promise.allSettled(many.map((text) => judge.ask(question(text))));
    expect(refused.every(({ status }) => status === "rejected")).toBe(true);
    expect(fake.calls.length).toBeLessThanOrEqual(8);
    await expect(judge.ask(question("x"))).rejects.toThrow("refuses the key");
    const gone = await judgeAt({ ...fake, url: "http://127.0.0.1:9/v1" }, folderOfTest(), { retries: 1 });
    await expect(gone.ask(question("x"))).rejects.toThrow("the judge cannot be reached");
    const lost = await server(() => ({ status: 404, body: "" }));
    const error = await (await judgeAt(lost, folderOfTest())).ask(question("x")).catch((reason: unknown) => reason);
    expect((error as UserError).spelled(asFlag)).toMatch(/--judge-model and --judge-url/);
  });

  test("ends when it is told to, and keeps what came", async () => {
    const fake = await server(({ text }) => (text === "slow" ? { hang: true } : { reply: "yes" }));
    const folder = folderOfTest();
    const ending = new AbortController();
    const judge = await judgeAt(fake, folder, { signal: ending.signal });
    await judge.ask(question("quick"));
    const slow = judge.ask(question("slow"));
    setTimeout(() => ending.abort(new Error("enough")), 30);
    await expect(slow).rejects.toThrow("enough");
    await expect(judge.ask(question("another"))).rejects.toThrow("enough");
    expect(linesOf(folder)).toHaveLength(1);
  });
});
