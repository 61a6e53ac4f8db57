/** The captions that the demo's table is made of: stages of the small model, speeds, with and without revising. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeMany } from "../../inference/describe-many.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { Scene } from "../../scenes/records/scene-records.js";
import { scoreCaption, type Tally } from "../../scenes/scoring/score.js";
import { keptTexts } from "./kept-texts.js";

export const speeds = [1, 2, 4, 8, 16] as const;
/** Tokens of an answer: captions have 63 words at most, and all speeds divide it. */
export const GEN_LENGTH = 64;

export interface Stage {
  /** Names files. */
  key: string;
  /** As the table says it. */
  title: string;
  folder: string;
  /** Whether it is meant to revise. */
  revises: boolean;
}

export interface Cell {
  stage: string;
  tokensPerStep: number;
  revise: boolean;
  /** One for each picture, in order. */
  tallies: readonly Tally[];
}

export interface CellOptions {
  tokensPerStep: number;
  revise: boolean;
  /** Folder of the pictures. */
  folder: string;
  /** Folder where captions are kept: a cell that is there is not decoded again. */
  kept: string;
  onProgress?: (done: number) => void;
}

/** Tells models apart by their weights. */
export function weightsKey(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  for (const name of files.sort()) hash.update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 12);
}

/** Decodes and scores. Captions are kept under a name that says what made them. */
export async function captionCell(
  model: VisionLanguageModel,
  stage: string,
  scenes: readonly Scene[],
  options: CellOptions,
): Promise<Cell> {
  const { tokensPerStep, revise, folder, kept, onProgress } = options;
  const file = join(kept, `${stage}-${tokensPerStep}${revise ? "-revise" : ""}.json`);
  const captions = await keptTexts(file, scenes.length, () =>
    captionAll(model, scenes, folder, { tokensPerStep, revise }, onProgress),
  );
  const tallies = captions.map((text, i) => scoreCaption(text, (scenes[i] as Scene).facts));
  return { stage, tokensPerStep, revise, tallies };
}

async function captionAll(
  model: VisionLanguageModel,
  scenes: readonly Scene[],
  folder: string,
  { tokensPerStep, revise }: { tokensPerStep: number; revise: boolean },
  onProgress?: (done: number) => void,
): Promise<string[]> {
  const captions: string[] = [];
  const groups = scenes.map(({ record }) => [join(folder, record.image)]);
  const decode = { genLength: GEN_LENGTH, tokensPerStep, revise, imageJoin: "correct", batch: 32 } as const;
  for await (const result of describeMany(model, groups, decode)) {
    if (!result.ok) throw result.error;
    captions.push(result.description.text);
    onProgress?.(captions.length);
  }
  return captions;
}
