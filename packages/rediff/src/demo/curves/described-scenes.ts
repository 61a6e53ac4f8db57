/** Scenes described with one setting, for figures that are kept by its name. */
import { join } from "node:path";
import type { Description } from "../../inference/answers.js";
import { describeMany } from "../../inference/describe-many.js";
import type { ManyOptions } from "../../inference/request.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { Scene } from "../../scenes/records/scene-records.js";

export interface DescribeScenes<T> {
  scenes: readonly Scene[];
  /** Where their pictures' paths begin. */
  folder: string;
  options: ManyOptions;
  /** What is kept of an answer. */
  keep: (description: Description) => T;
  onProgress: ((done: number) => void) | undefined;
}

/** In the scenes' order. @throws the first error: a figure of fewer scenes is another figure */
export async function describeScenes<T>(
  model: VisionLanguageModel,
  { scenes, folder, options, keep, onProgress }: DescribeScenes<T>,
): Promise<T[]> {
  const kept: T[] = [];
  const groups = scenes.map(({ record }) => [join(folder, record.image)]);
  for await (const result of describeMany(model, groups, options)) {
    if (!result.ok) throw result.error;
    kept.push(keep(result.description));
    onProgress?.(kept.length);
  }
  return kept;
}

/** A file's name that says the options. */
export const nameOfOptions = (options: object): string =>
  JSON.stringify(options)
    .replace(/[^\w.]+/g, "-")
    .replace(/^-|-$/g, "");
