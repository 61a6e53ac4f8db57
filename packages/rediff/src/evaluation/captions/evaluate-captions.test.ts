import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type FakeExpert, startFakeExpert } from "../../pipeline/correction/testing/fake-expert.js";
import { folderOfTest } from "../../testing/folders.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { type EvaluateCaptionsOptions, evaluateCaptions } from "./evaluate-captions.js";

async function setUp(behave: FakeExpert["behave"]) {
  const fake = await startFakeExpert(behave);
  onTestFinished(() => fake.close());
  const folder = folderOfTest();
  cpSync(fixturePath("color.jpg"), join(folder, "a.jpg"));
  cpSync(fixturePath("color.jpg"), join(folder, "b.jpg"));
  writeFileSync(join(folder, "captions.json"), JSON.stringify({ "a.jpg": "A cat.", "b.jpg": "A dog." }));
  const options = (suite: EvaluateCaptionsOptions["suite"], lines: readonly object[]): EvaluateCaptionsOptions => {
    writeFileSync(join(folder, "references.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    return {
      ...{ suite, captions: join(folder, "captions.json"), references: join(folder, "references.jsonl") },
      ...{ imageFolder: folder, judgeUrl: fake.url, judgeModel: "fake", judgeCache: join(folder, "cache") },
      ...{ firstWaitMs: 1, retries: 1, timeoutMs: 2000 },
    };
  };
  return { fake, folder, options };
}

const references = ["a.jpg", "b.jpg", "c.jpg"].map((image) => ({ image, caption: `Reference of ${image}` }));

describe("captions are evaluated", () => {
  test("by CLAIR, from a map of captions or from lines, and a second run asks nothing", async () => {
    const { fake, folder, options } = await setUp(({ system }) => ({
      reply: system.includes("- A cat.\n") ? '{"score": 90, "reason": "fits"}' : "Score: 30",
    }));
    const first = await evaluateCaptions(options("clair", references));
    expect(first.scores).toMatchObject({ clair: 0.6, pictures: 3, troubles: { no_caption: ["c.jpg"] } });
    const lines = join(folder, "captions.jsonl");
    writeFileSync(lines, '{"image":"x/a.jpg","text":"A cat."}\n{"image":"b.jpg","text":"A dog."}\n');
    const again = await evaluateCaptions({ ...options("clair", references), captions: lines });
    expect(again.scores).toEqual(first.scores);
    expect(again.judge).toMatchObject({ asked: 0, cached: 2 });
    expect(fake.calls).toHaveLength(2);
  });

  test("by coverage, whose wrong number of answers is asked for again and then counts as wrong", async () => {
    const { options } = await setUp(({ text }) => ({ reply: text.includes("A cat.") ? "0. A\n1. B" : "0. A" }));
    const documents = ["a", "b"].map((image) => ({ image, questions: ["q\nA) x", "r\nB) y"], answers: ["A", "B"] }));
    const { scores, judge } = await evaluateCaptions(options("coverage", documents));
    expect(scores).toMatchObject({ coverage: 0.5, correct: 2, total: 4, troubles: { unreadable: ["b"] } });
    expect(judge.asked).toBe(4);
  });

  test("by factuality, whose judge sees the picture", async () => {
    const { fake, options } = await setUp(({ picture }) => ({
      reply: picture === "" ? "1. x\n2. y" : "1. True\n2. False",
    }));
    const { scores } = await evaluateCaptions(options("factuality", references));
    expect(scores).toMatchObject({ factuality: 0.5, true: 2, total: 4 });
    expect(fake.calls.filter(({ picture }) => picture.startsWith("data:image/jpeg"))).toHaveLength(2);
  });

  test("by CapArena-Auto, where a caption is as likely to stand first as second, and stands there again", async () => {
    const { options } = await setUp(({ text }) => {
      const first = text.includes("Caption 1:\nA cat.") || text.includes("Caption 1:\nA dog.");
      return { reply: `Reason: better\nJudgment: Caption ${first ? 1 : 2} is better.` };
    });
    const documents = ["a.jpg", "b.jpg"].map((image) => ({
      ...{ image, reference: "r", baseline: "GPT-4o-0806", baseline_caption: "Something else." },
    }));
    const { scores } = await evaluateCaptions(options("caparena", documents));
    expect(scores).toMatchObject({
      baselines: { "GPT-4o-0806": 1, "MiniCPM-V2.6-8B": 0 },
      score: 1 / 3,
      mean_words: 2,
    });
  });

  test("in a dry run without a question, counting what would be asked", async () => {
    const { fake, options } = await setUp(() => ({}));
    const { judge } = await evaluateCaptions({ ...options("factuality", references), dryRun: true });
    expect(judge.dry_run).toEqual({ calls: 4, cost_at_most: null });
    expect(fake.calls).toHaveLength(0);
  });

  test("not at all where captions and references are about other pictures, or a line is none", async () => {
    const { folder, options } = await setUp(() => ({}));
    const other = options("clair", [{ image: "z.jpg", caption: "r" }]);
    await expect(evaluateCaptions(other)).rejects.toThrow(/no caption of any picture.*which has z, and captions of a/);
    writeFileSync(join(folder, "broken.jsonl"), '{"image": "a.jpg"}\n');
    const broken = { ...options("clair", references), references: join(folder, "broken.jsonl") };
    await expect(evaluateCaptions(broken)).rejects.toThrow(/broken\.jsonl: line 1: caption/);
  });
});
