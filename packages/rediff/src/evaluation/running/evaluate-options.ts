/** What an evaluation can be told. */
import { z } from "zod";
import { OptionError, option, wording } from "../../errors.js";
import type { DescribeOptions } from "../../inference/request.js";
import {
  abortSignal,
  flag,
  listener,
  number,
  type OptionTypes,
  object,
  optionSet,
  text,
  texts,
} from "../../options/option-set.js";
import type { AskingOptions } from "../../pipeline/expert/asking-options.js";
import { askingOptionTypes } from "../../pipeline/expert/asking-options.js";
import { parseShard, type Shard } from "../documents/chosen-documents.js";
import { type Protocol, protocols } from "../protocols.js";
import type { EvaluationResult } from "./evaluation-result.js";

/** What of a description's options replaces a task's published settings. The question is the task's. */
export type AnswerSettings = Omit<DescribeOptions, "prompt" | "messages" | "signal" | "onTrace" | "onLayers">;

export interface EvaluateOptions extends AskingOptions {
  /** Names of tasks and groups, and files of tasks of one's own (.yaml). */
  tasks: readonly string[];
  /** A file, a data set's folder, or a folder of data sets. Default: the hub's cache; scenes are made on the spot. */
  data?: string | undefined;
  /** Answers are appended here as they come, and a run that was cut off goes on; results and a report besides. */
  output?: string | undefined;
  /** Documents of each task; what counts together is taken whole. */
  limit?: number | undefined;
  /** "2/8": the second of eight parts. */
  shard?: string | undefined;
  /** Which way of asking and scoring; default each task's own. */
  protocol?: Protocol | undefined;
  /** What becomes of an answer in which no letter can be read; default wrong. */
  unreadable?: "wrong" | "random" | undefined;
  /** Of letters and sides that are drawn; default 0. */
  seed?: number | undefined;
  /** Questions in one forward pass; default 1. */
  batch?: number | undefined;
  /** In place of published settings. */
  settings?: AnswerSettings | undefined;
  /** What questions end with, in place of the task's. */
  thinking?: "think" | "no_think" | "none" | undefined;
  /** Answers are written down and not scored. */
  predictOnly?: boolean | undefined;
  /** Answers that were made elsewhere: JSON lines of `doc` and `answer`, or lmms-eval's samples. No model is asked. */
  answers?: string | undefined;
  /** The chat-completions API of the judge. */
  judgeUrl?: string | undefined;
  judgeModel?: string | undefined;
  /** Folder of what it said; default `judgements` in `output`. */
  judgeCache?: string | undefined;
  /** CHAIR's table of words for objects. */
  synonyms?: string | undefined;
  /** Folder of METEOR's tables: COCO captions are scored by it as well. */
  meteor?: string | undefined;
  /** CAPTURE's module. */
  captureParts?: string | undefined;
  onProgress?: ((progress: { task: string; done: number; total: number }) => void) | undefined;
  /** Told of every task as it is done. */
  onResult?: ((result: EvaluationResult) => void) | undefined;
  onNote?: ((line: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const types: OptionTypes<EvaluateOptions> = {
  ...askingOptionTypes,
  tasks: texts,
  data: text,
  output: text,
  limit: number,
  shard: text,
  protocol: z.enum(protocols),
  unreadable: z.enum(["wrong", "random"]),
  seed: number,
  batch: number,
  settings: object,
  thinking: z.enum(["think", "no_think", "none"]),
  predictOnly: flag,
  answers: text,
  judgeUrl: text,
  judgeModel: text,
  judgeCache: text,
  synonyms: text,
  meteor: text,
  captureParts: text,
  onProgress: listener,
  onResult: listener,
  onNote: listener,
  signal: abortSignal,
};
const checkTypes = optionSet<EvaluateOptions>(types, ["tasks"]);

/** @throws OptionError for what makes no sense for any task */
export function checkEvaluate(options: EvaluateOptions): { shard: Shard | undefined } {
  checkTypes(options);
  const { tasks, limit, seed, shard, answers, predictOnly, judgeUrl, judgeModel } = options;
  if (tasks.length === 0) throw new OptionError("tasks", wording`${option("tasks")} names none`, "For example scenes.");
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1))
    throw new OptionError("limit", wording`${option("limit")} must be a whole number from 1, got ${limit}`);
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw new OptionError("seed", wording`${option("seed")} must be a whole number, got ${seed}`);
  if (answers !== undefined && predictOnly === true)
    throw new OptionError("answers", wording`${option("answers")} and ${option("predictOnly")} exclude each other`);
  if (judgeUrl !== undefined && judgeModel === undefined)
    throw new OptionError(
      "judgeModel",
      "the judge has no name",
      wording`Name a model of its server with ${option("judgeModel")}.`,
    );
  return { shard: shard === undefined ? undefined : parseShard(shard) };
}
