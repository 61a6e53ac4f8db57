/** Quality against forward passes: every rule of decoding at several of its numbers, over the same scenes. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ManyOptions } from "../../inference/request.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { Scene } from "../../scenes/records/scene-records.js";
import { type Figure, type Scores, scoreAll, scoreCaption } from "../../scenes/scoring/score.js";
import { GEN_LENGTH } from "../asked/caption-grid.js";
import { withInterval } from "../table-text.js";
import { describeScenes, nameOfOptions } from "./described-scenes.js";

/** One point of the curve. */
export interface CurvePoint {
  /** Of a line of the chart. */
  rule: string;
  setting: string;
  options: ManyOptions;
}

const paced = [1, 2, 4, 8, 16] as const;

/** All revise as they write, as the model was trained to. */
export const curvePoints: readonly CurvePoint[] = [
  ...paced.map((tokensPerStep) => ({
    rule: "schedule",
    setting: `${tokensPerStep} per step`,
    options: { tokensPerStep },
  })),
  ...paced.slice(1).map((tokensPerStep) => ({
    rule: "schedule, revise-rest",
    setting: `${tokensPerStep} per step`,
    options: { tokensPerStep, reviseRest: true },
  })),
  ...[0.95, 0.9, 0.8, 0.6, 0.4].map((threshold) => ({
    rule: "threshold",
    setting: String(threshold),
    options: { rule: "threshold" as const, threshold },
  })),
  ...[0.25, 0.5, 1, 1.5, 2].map((factor) => ({
    rule: "factor",
    setting: String(factor),
    options: { rule: "factor" as const, factor },
  })),
  ...[0.03, 0.1, 0.3, 1, 3].map((entropyBound) => ({
    rule: "entropy",
    setting: String(entropyBound),
    options: { rule: "entropy" as const, entropyBound },
  })),
  ...[0.9, 0.7, 0.5, 0.3].flatMap((threshold) =>
    [0.5, 0].map((editThreshold) => ({
      rule: `joint, edit ${editThreshold}`,
      setting: String(threshold),
      options: { rule: "joint" as const, threshold, editThreshold },
    })),
  ),
  ...[4, 8, 16].map((tokensPerStep) => ({
    rule: "joint, schedule",
    setting: `${tokensPerStep} per step`,
    options: { rule: "joint" as const, tokensPerStep },
  })),
];

export interface MeasuredPoint extends CurvePoint {
  /** Of a caption, on average. */
  passes: number;
  scores: Scores;
}

const keptSchema = z.array(z.object({ text: z.string(), steps: z.number() }));

/** @param kept folder of captions: a point that is there is not decoded again */
export async function measurePoint(
  model: VisionLanguageModel,
  point: CurvePoint,
  { scenes, folder }: { scenes: readonly Scene[]; folder: string },
  { kept, options, onProgress }: { kept: string; options: ManyOptions; onProgress?: (done: number) => void },
): Promise<MeasuredPoint> {
  const all = { ...options, ...point.options };
  const file = join(kept, `${nameOfOptions(all)}.json`);
  const captions = existsSync(file)
    ? keptSchema.parse(JSON.parse(readFileSync(file, "utf8")))
    : await describeScenes(model, {
        scenes,
        folder,
        options: { genLength: GEN_LENGTH, imageJoin: "correct", batch: 32, ...all },
        keep: ({ text, steps }) => ({ text, steps }),
        onProgress,
      });
  if (captions.length !== scenes.length)
    throw new Error(`${file} has ${captions.length} captions of ${scenes.length} scenes: remove it`);
  mkdirSync(kept, { recursive: true });
  writeFileSync(`${file}.part`, JSON.stringify(captions));
  renameSync(`${file}.part`, file);
  const tallies = captions.map(({ text }, i) => scoreCaption(text, (scenes[i] as Scene).facts));
  const passes = captions.reduce((sum, { steps }) => sum + steps, 0) / captions.length;
  return { ...point, passes, scores: scoreAll(tallies) };
}

const shown: readonly Figure[] = ["exact", "coverage", "precision", "position", "grammar"];

/** A line for each point, those of a rule by their passes. */
export function curveTable(points: readonly MeasuredPoint[]): string {
  const rules = [...new Set(points.map(({ rule }) => rule))];
  const ordered = rules.flatMap((rule) =>
    points.filter((point) => point.rule === rule).sort((a, b) => b.passes - a.passes),
  );
  return [
    `| rule | setting | passes | ${shown.join(" | ")} |`,
    `| --- | --- | ---: | ${shown.map(() => "---").join(" | ")} |`,
    ...ordered.map(({ rule, setting, passes, scores }) => {
      const values = shown.map((figure) =>
        withInterval(scores.values[figure], figure === "exact" ? scores.intervals[figure] : null),
      );
      return `| ${rule} | ${setting} | ${passes.toFixed(1)} | ${values.join(" | ")} |`;
    }),
  ].join("\n");
}

/** Puts a text between the markers of a document's section. @throws Error when it has no such section */
export function withSection(document: string, name: string, text: string): string {
  const [open, close] = [`<!-- demo:${name} -->`, `<!-- /demo:${name} -->`];
  const [start, end] = [document.indexOf(open), document.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`the document has no ${open} that ${close} ends`);
  return `${document.slice(0, start + open.length)}\n\n${text}\n\n${document.slice(end)}`;
}
