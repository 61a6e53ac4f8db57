/** What a run leaves behind, besides its answers: results and samples as lmms-eval writes them, the same with all that a later
 *  comparison needs, small pictures for the report, and the file that an outside server takes. */
import { mkdirSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { writeText, writeWhole } from "../../files/atomic-file.js";
import { infoOf } from "../../files/regular-file.js";
import { readUtf8 } from "../../files/utf8-text.js";
import { issueText } from "../../options/issue-text.js";
import { parseShallowJson } from "../../options/shallow-json.js";
import { parseShard } from "../documents/chosen-documents.js";
import { withoutBytes } from "../documents/document-source.js";
import { picturesOf } from "../documents/picture-columns.js";
import { joinLmmsResults, lmmsBypass, lmmsFiles, lmmsFolder, lmmsResults, lmmsSample } from "../lmms-layout.js";
import { scoredText } from "../model-question.js";
import { approximatedShape } from "../running/answers-file.js";
import type { KeptDocument } from "../running/ask-documents.js";
import type { EvaluateOptions } from "../running/evaluate-options.js";
import type { EvaluatedSample, EvaluationResult } from "../running/evaluation-result.js";
import type { OpenTask } from "../running/open-tasks.js";
import type { ScoredAnswer } from "../scored-answer.js";
import type { TaskScores } from "../task-scores.js";

export interface WrittenBy {
  open: OpenTask;
  kept: readonly KeptDocument[];
  options: EvaluateOptions;
  run: RunFiles;
}

/** What all tasks of a run have in common: its date, by which lmms-eval's readers find files, and what is in its results. */
export interface RunFiles {
  started: Date;
  /** Of the tasks that are done; `writeResultFiles` adds its own. */
  lmms: Record<string, unknown>[];
}

/** @returns the files, the ones for people and other programs first */
export async function writeResultFiles(output: string, result: EvaluationResult, by: WrittenBy): Promise<string[]> {
  const folder = join(output, result.task);
  const part = by.options.shard === undefined ? undefined : parseShard(by.options.shard);
  const end = part === undefined ? "" : `-${part.index}-of-${part.count}`;
  const { samples, ...head } = result;
  const files = [join(folder, `result${end}.json`), join(folder, `samples${end}.jsonl`)];
  const [resultFile = "", samplesFile = ""] = files;
  await writeText(samplesFile, samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""));
  await writeText(join(folder, `pictures${end}.jsonl`), await smallPictures(by));
  files.push(...(await writeLmms(output, result, by)));
  const { submission } = by.open.task;
  if (submission !== undefined) files.push(await writeSubmission(output, submission, result, by.kept));
  // What says that there is a result comes last.
  await writeText(resultFile, `${JSON.stringify({ ...head, files }, undefined, 1)}\n`);
  return files;
}

async function writeLmms(
  output: string,
  result: EvaluationResult,
  { open, kept, options, run }: WrittenBy,
): Promise<string[]> {
  const { scores, samples, origin, protocol, documents, clustered, withoutLuck } = result;
  const model = origin.model ?? "answers";
  const folder = join(output, lmmsFolder(model));
  if (run.lmms.length === 0) run.started = freeDate(folder, run.started);
  const { started } = run;
  const names = lmmsFiles(result.task, started);
  const nothing: TaskScores = {
    metrics: { bypass: 999 },
    stderr: {},
    subScores: {},
    counts: { answers: samples.length, unreadable: 0, random: 0, judged: 0, judge_failed: 0, failed: 0 },
  };
  run.lmms.push(
    lmmsResults({
      task: open.task,
      protocol,
      scored: {
        answers: samples.flatMap(({ scored }) => scored ?? []),
        scores: scores ?? nothing,
        ...(withoutLuck && { withoutLuck }),
      },
      documents,
      model,
      modelArgs: origin.checkpoint === null ? "" : `checkpoint=${origin.checkpoint}`,
      generation: { ...origin.options },
      limit: options.limit,
      seed: options.seed ?? 0,
      clustered,
      started,
      ended: new Date(result.ended),
    }),
  );
  const lines = samples.map((sample, i) => {
    const { index, prompt, reply, tokens } = sample;
    const document = kept[i]?.document;
    const line = {
      index,
      document,
      prompt,
      reply: scoredText(open.task, reply ?? ""),
      scored: sample.scored ?? unscored,
      tokens,
    };
    return JSON.stringify(sample.scored === undefined ? lmmsBypass(line) : lmmsSample(line));
  });
  const paths = [join(folder, names.results), join(folder, names.samples)];
  await writeText(paths[1] ?? "", lines.map((line) => `${line}\n`).join(""));
  await writeText(paths[0] ?? "", `${JSON.stringify(joinLmmsResults(run.lmms), undefined, 2)}\n`);
  return paths;
}

/** Of two runs in one second, the second has the next one. */
function freeDate(folder: string, started: Date): Date {
  const isTaken = infoOf(join(folder, lmmsFiles("", started).results)) !== undefined;
  return isTaken ? freeDate(folder, new Date(started.getTime() + 1000)) : started;
}

const unscored: ScoredAnswer = { parsed: null, target: "", scores: {}, facets: {}, marks: [] };

async function writeSubmission(
  output: string,
  submission: NonNullable<OpenTask["task"]["submission"]>,
  { samples }: EvaluationResult,
  kept: readonly KeptDocument[],
): Promise<string> {
  const folder = join(output, "submissions");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, submission.file);
  const answers = samples.map(({ reply }, i) => ({ document: kept[i]?.document, answer: scoredText({}, reply ?? "") }));
  await writeWhole(path, await submission.write(answers));
  return path;
}

/** Documents that a report shows with their pictures. */
const SHOWN = 100;
const SIDE = 288;

/** JSON lines of `doc` and `url`. A picture that cannot be read has none; the report says so. */
async function smallPictures({ open, kept }: WrittenBy): Promise<string> {
  const { task, source } = open;
  const wanted = new Set(kept.slice(0, SHOWN).map(({ index }) => index));
  const last = Math.max(-1, ...wanted);
  const lines: string[] = [];
  for await (const { index, document } of source.documents()) {
    if (index > last) break;
    if (!wanted.has(index)) continue;
    const url = await smallPicture(
      () => picturesOf(task.pictures(withoutBytes(document)), document, source.folders).sources[0],
    );
    if (url !== undefined) lines.push(`${JSON.stringify({ doc: index, url })}\n`);
  }
  return lines.join("");
}

async function smallPicture(read: () => unknown): Promise<string | undefined> {
  try {
    const source = read();
    if (!(typeof source === "string" || source instanceof Uint8Array)) return undefined;
    const bytes = await sharp(source)
      .rotate()
      .resize(SIDE, SIDE, { fit: "inside", withoutEnlargement: true })
      .webp({ quality: 76 })
      .toBuffer();
    return `data:image/webp;base64,${bytes.toString("base64")}`;
  } catch {
    return undefined; // a video, or what could not be asked about either
  }
}

const scoresSchema = z.looseObject({
  metrics: z.record(z.string(), z.number().nullable()),
  stderr: z.record(z.string(), z.number().nullable()),
  drawnStderr: z.record(z.string(), z.number().nullable()).optional(),
  subScores: z.record(
    z.string(),
    z.record(z.string(), z.looseObject({ score: z.number().nullable(), count: z.number() })),
  ),
  counts: z.record(z.string(), z.number()),
});

const resultSchema = z.looseObject({
  task: z.string(),
  protocol: z.string(),
  metric: z.string(),
  lowerIsBetter: z.array(z.string()),
  scores: scoresSchema.optional(),
  withoutFailed: scoresSchema.optional(),
  withoutLuck: scoresSchema.optional(),
  approximate: z.array(z.string()).exactOptional(),
  documents: z.number(),
  origin: z.looseObject({
    model: z.string().nullable(),
    checkpoint: z.string().nullable(),
    data: z.looseObject({ name: z.string(), fingerprint: z.string() }),
    options: z.record(z.string(), z.unknown()).nullable(),
  }),
  started: z.string(),
  ended: z.string(),
});

const sampleSchema = z.looseObject({
  index: z.int(),
  prompt: z.string(),
  reply: z.string().nullable(),
  error: z.string().optional(),
  tokens: z.number().optional(),
  steps: z.number().optional(),
  ...approximatedShape,
  together: z.string().optional(),
  scored: z
    .looseObject({
      parsed: z.union([z.string(), z.null(), z.array(z.union([z.string(), z.number()]))]),
      target: z.string(),
      scores: z.record(z.string(), z.number()),
      facets: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
      marks: z.array(z.string()),
      details: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});
const pictureSchema = z.looseObject({ doc: z.int(), url: z.string().startsWith("data:image/") });

/** A result that a run has left, read again. */
export interface KeptResult extends z.infer<typeof resultSchema> {
  /** Of the run. */
  folder: string;
  samples: readonly (Omit<EvaluatedSample, "scored"> & { scored?: ScoredAnswer | undefined })[];
  pictures: ReadonlyMap<number, string>;
}

/** @param folder `--output` of a run
 *  @throws UserError where there is no result, or what is there is none */
export async function readResults(folder: string): Promise<KeptResult[]> {
  const info = infoOf(folder);
  if (info?.isDirectory() !== true)
    throw new UserError(`${folder} is no folder of results`, "Name what --output of `rediff evaluate` named.");
  const tasks = readdirSync(folder).filter((name) => infoOf(join(folder, name, "result.json"))?.isFile() === true);
  if (tasks.length === 0)
    throw new UserError(
      `${folder} has no results`,
      "A run leaves them when it is done; its parts (--shard) have none.",
    );
  return Promise.all(tasks.sort().map((task) => readResult(folder, task)));
}

async function readResult(folder: string, task: string): Promise<KeptResult> {
  const path = (name: string) => join(folder, task, name);
  const result = read(path("result.json"), await readUtf8(path("result.json")), resultSchema);
  const lines = async <S extends z.ZodType>(name: string, schema: S): Promise<z.infer<S>[]> =>
    (await readUtf8(path(name)))
      .split("\n")
      .flatMap((line, i) => (line === "" ? [] : [read(`${path(name)}:${i + 1}`, line, schema)]));
  const samples = (await lines("samples.jsonl", sampleSchema)) as unknown as KeptResult["samples"];
  const pictures = infoOf(path("pictures.jsonl")) === undefined ? [] : await lines("pictures.jsonl", pictureSchema);
  return { ...result, folder, samples, pictures: new Map(pictures.map(({ doc, url }) => [doc, url])) };
}

function read<S extends z.ZodType>(where: string, text: string, schema: S): z.infer<S> {
  let value: unknown;
  try {
    value = parseShallowJson(text);
  } catch {
    throw new UserError(`${where}: is not JSON`, `Run the evaluation again with the same --output: it scores anew.`);
  }
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const what = issue === undefined ? "" : `${issue.path.join(".")}: ${issueText(issue)}`;
  throw new UserError(`${basename(where)}: is no result: ${what}`, "Run the evaluation again with the same --output.");
}
