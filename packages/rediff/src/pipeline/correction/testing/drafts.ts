/** What the tests of corrections share: a folder with drafts and pictures, an expert, quick settings. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { fixturePath } from "../../../vision/fixtures/pillow.js";
import type { CorrectOptions } from "../correct-options.js";
import { type FakeExpert, startFakeExpert } from "./fake-expert.js";

export const pictures = fixturePath(".");

export async function expert(behave?: FakeExpert["behave"]): Promise<FakeExpert> {
  const fake = await startFakeExpert(behave);
  onTestFinished(() => fake.close());
  return fake;
}

/** "d0", "d1", ... about one picture. */
export const manyDrafts = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, i) => ({
    id: i,
    img: "color.jpg",
    ques: "<image>\nWhat?",
    ans: "Yes.",
    pred: `d${i}`,
  }));

export function writeDrafts(folder: string, drafts: readonly unknown[], name = "drafts.jsonl"): string {
  const file = join(folder, name);
  writeFileSync(file, drafts.map((draft) => `${JSON.stringify(draft)}\n`).join(""));
  return file;
}

/** Options of a run over such drafts, with no time for waiting. */
export function quick(folder: string, fake: FakeExpert, drafts: readonly unknown[]): CorrectOptions {
  return {
    drafts: writeDrafts(folder, drafts),
    output: join(folder, "out.jsonl"),
    imageFolder: pictures,
    baseUrl: fake.url,
    timeoutMs: 2000,
    firstWaitMs: 1,
  };
}

export const linesOf = (file: string): Record<string, unknown>[] =>
  existsSync(file)
    ? readFileSync(file, "utf8")
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
