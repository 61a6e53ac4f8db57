import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { scoreCaption } from "../scenes/scoring/score.js";
import { judgeWords } from "../scenes/scoring/word-verdicts.js";
import { captionsSchema, HELD_OUT, heldOutScene, ordinaryScene, studioGallery, tableSchema } from "./studio-gallery.js";

const read = (path: string): unknown =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../../../../${path}`, import.meta.url)), "utf8"));
const captions = captionsSchema.parse(read("docs/demo/studio-captions.json"));
const table = tableSchema.parse(read("docs/demo/table.json"));

test("the page's gallery is what the rules make of the held-out scenes and of the published table", () => {
  expect(read("packages/studio/src/gallery/gallery.json")).toEqual(
    JSON.parse(JSON.stringify(studioGallery(captions, table))),
  );
});

test("drawn as the page draws them, scenes come out as the published table has them", () => {
  const { table: published, page } = studioGallery(captions, table);
  // The published shares are of other pictures of the same scenes: within twice their standard error.
  const close = (count: number, of: number) => Math.abs(count - of) < 2 * Math.sqrt((of * (500 - of)) / 500);
  expect(close(page.both + page.rediffOnly, published.rediff.exact)).toBe(true);
  expect(close(page.both + page.baselineOnly, published.baseline.exact)).toBe(true);
  expect(page.both + page.rediffOnly + page.baselineOnly + page.neither).toBe(HELD_OUT);
});

test("the ordinary scene is the first of the nearest, not the best of many", () => {
  const facts = { objects: [{ name: "dog", count: 1, position: "top left" as const }], background: "blue" };
  const [right, broken, nothing] = ["a dog is at the top left. the background is blue.", "a dog the", ""].map((text) =>
    scoreCaption(text, facts),
  );
  if (right === undefined || broken === undefined || nothing === undefined) throw new Error("no tallies");
  const row = (stage: string, revise: boolean, share: number) => ({
    stage,
    revise,
    tokensPerStep: 4,
    scores: { pictures: 4, values: { coverage: 1, precision: 1, position: share, grammar: share, exact: share } },
  });
  const scored = [row("llada_v", false, 0.2), row("rediff", true, 0.9)];
  const baseline = [right, nothing, broken, broken];
  expect(ordinaryScene({ baseline, rediff: [right, right, right, right] }, { scored })).toBe(2);
});

test("templates of the gallery leave something open, and what is not is true", () => {
  const { scenes, templates } = studioGallery(captions, table);
  for (const [i, text] of templates.entries()) {
    expect(text).toMatch(/\[\[[1-4]\]\]/);
    const { words } = judgeWords(text.replaceAll(/\[\[\d\]\]/g, "and"), heldOutScene(scenes[i]?.number ?? 0).facts);
    expect(words.filter(({ right }) => right === false)).toEqual([]);
  }
});

test("drafts of the gallery have one changed fact, or none", () => {
  const { drafts } = studioGallery(captions, table);
  const most: Readonly<Record<string, number>> = { none: 0, object: 2, position: 2, relation: 3 };
  const numbers = studioGallery(captions, table).scenes.map(({ number }) => number);
  for (const [i, { kind, text }] of drafts.entries()) {
    const { exact, words } = judgeWords(text, heldOutScene(numbers[i] ?? 0).facts);
    expect([i, exact]).toEqual([i, kind === "none"]);
    const wrong = words.filter(({ right }) => right === false).length;
    expect(wrong).toBeLessThanOrEqual(most[kind] ?? 1);
  }
});
