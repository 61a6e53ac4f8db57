/** Answers of a run, one a line, appended as they come, with all that they depend on: a run that was killed goes on, and asks
 *  nothing twice. Parts of a data set that were answered elsewhere are files beside it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { cacheKinds } from "../../diffusion/cache/cache-options.js";
import { option, UserError, wording } from "../../errors.js";
import { LineLog } from "../../files/line-log.js";
import type { ApproximatedRecord } from "../../inference/trace-format.js";
import type { ResultOrigin } from "../../pipeline/drafts/result-origin.js";
import { mergeRankFiles, rankFile } from "../../ranks/rank-files.js";
import type { Shard } from "../documents/chosen-documents.js";

/** What answers depend on, besides the document. */
export interface AnswerOrigin {
  task: string;
  /** Of what is asked; scoring is done anew at any time. */
  protocol: string;
  /** As it was named; null for answers that came from elsewhere. */
  model: string | null;
  checkpoint: string | null;
  data: { name: string; fingerprint: string; revision: string | null };
  thinking: string | null;
  /** Of decoding, and what it is computed with. */
  options: ResultOrigin["options"] | null;
}

export interface Answer extends ApproximatedRecord {
  /** Of the document. */
  doc: number;
  prompt: string;
  /** As the model wrote it. */
  reply: string;
  tokens: number;
  steps: number;
  seconds: number;
  /** Its length ended it, not the end of the turn. */
  cut: boolean;
}

const passes = z.int().min(0);
/** Of lines and samples: what was approximate. */
export const approximatedShape = {
  approximate: z.array(z.string()).exactOptional(),
  quantize: z.string().exactOptional(),
  cache: z
    .object({
      kind: z.enum(cacheKinds).exclude(["none"]),
      on: z.boolean(),
      bytes: z.number(),
      ...{ full_passes: passes, cached_passes: passes, rows_computed: passes, rows_kept: passes },
      certified: z.boolean().exactOptional(),
    })
    .exactOptional(),
};

const lineSchema = z.looseObject({
  doc: z.int().min(0),
  prompt: z.string(),
  reply: z.string(),
  tokens: z.number(),
  steps: z.number(),
  seconds: z.number(),
  cut: z.boolean(),
  ...approximatedShape,
  origin: z.looseObject({ task: z.string() }),
});

/** One of several processes that answer together. */
export interface Rank {
  rank: number;
  size: number;
}

type Taker = (value: unknown, line: number) => boolean;

/** Owns an open file: `close()` it. */
export class AnswersFile {
  private constructor(
    readonly path: string,
    private readonly log: LineLog,
    private readonly answers: Map<number, Answer>,
    private readonly origin: AnswerOrigin,
  ) {}

  /** @param folder of the task
   *  @param part of the documents, with a file of its own; a process of several also has what is there already
   *  @throws UserError where it cannot be written, or holds answers of another model, other data or other settings */
  static async open(folder: string, origin: AnswerOrigin, part?: Shard | Rank): Promise<AnswersFile> {
    const whole = join(folder, "answers.jsonl");
    const path = part === undefined ? whole : "rank" in part ? rankFile(whole, part) : partFile(folder, part);
    const answers = new Map<number, Answer>();
    const take = (file: string) => taker(file, origin, (answer) => answers.set(answer.doc, answer));
    // Who asks for all has what was asked in parts.
    const isPart = part !== undefined && "count" in part;
    if (!isPart) for (const other of partsBeside(whole)) readPart(other, take(other));
    if (path !== whole && !isPart && existsSync(whole)) readPart(whole, take(whole));
    return new AnswersFile(path, await openLog(path, take(path)), answers, origin);
  }

  /** Puts what several processes have answered into the file of the whole, in the order of the documents. */
  static async merge(folder: string, origin: AnswerOrigin): Promise<void> {
    await mergeRankFiles<number>(join(folder, "answers.jsonl"), {
      async read(path, onRecord) {
        await (
          await openLog(
            path,
            taker(path, origin, ({ doc }, line) => onRecord(doc, line)),
          )
        ).close();
      },
      placeOf: (doc) => doc,
    });
  }

  get(index: number): Answer | undefined {
    return this.answers.get(index);
  }

  has(index: number): boolean {
    return this.answers.has(index);
  }

  /** Returns when a process that is killed does not lose it. */
  async add(answer: Answer): Promise<void> {
    await this.log.append({ ...answer, origin: this.origin });
    this.answers.set(answer.doc, answer);
  }

  close(): Promise<void> {
    return this.log.close();
  }
}

const partFile = (folder: string, { index, count }: Shard): string =>
  join(folder, `answers-${index}-of-${count}.jsonl`);

const openLog = (path: string, onLine: Taker): Promise<LineLog> =>
  LineLog.open(path, { beginning: '{"doc":', what: "no answer", onLine });

/** Reads lines of a file. @throws UserError for one of another model, other data or other settings */
function taker(file: string, origin: AnswerOrigin, onAnswer: (answer: Answer, line: number) => void): Taker {
  return (value, line) => {
    const { data } = lineSchema.safeParse(value);
    if (data === undefined) return false;
    assertSame(data.origin, origin, `${file}:${line}`);
    const { doc, prompt, reply, tokens, steps, seconds, cut } = data;
    onAnswer({ doc, prompt, reply, tokens, steps, seconds, cut, ...approximatedIn(data) }, line);
    return true;
  };
}

/** Of an answer or a sample, nothing else. */
export function approximatedIn({ approximate, quantize, cache }: ApproximatedRecord): ApproximatedRecord {
  return { ...(approximate && { approximate }), ...(quantize && { quantize }), ...(cache && { cache }) };
}

/** Somebody may just be writing it: nothing of it is mended, and a line that is not whole yet is not there. */
function readPart(file: string, take: Taker): void {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  for (const [i, line] of lines.entries()) {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      value = undefined;
    }
    if (!take(value, i + 1)) throw new UserError(`${file}:${i + 1}: is no answer of an earlier run`, "Remove it.");
  }
}

function partsBeside(path: string): string[] {
  let names: string[];
  try {
    names = readdirSync(dirname(path));
  } catch {
    return []; // made with the first answer
  }
  return names
    .filter((name) => /^answers-\d+-of-\d+\.jsonl$/.test(name) && name !== basename(path))
    .sort()
    .map((name) => join(dirname(path), name));
}

/** The name of a model does not matter where its weights are the same. */
function assertSame(before: Record<string, unknown>, now: AnswerOrigin, where: string): void {
  const flat = (origin: object) => {
    const { options, data, model: _, ...rest } = origin as Record<string, unknown> & { data?: { name?: unknown } };
    const { name: __, ...content } = (data ?? {}) as Record<string, unknown>;
    return { ...rest, ...content, ...(options as object) } as Record<string, unknown>;
  };
  const [was, is] = [flat(before), flat(now)];
  for (const key of new Set([...Object.keys(is), ...Object.keys(was)])) {
    if (JSON.stringify(was[key]) === JSON.stringify(is[key])) continue;
    const show = (value: unknown) => (value === undefined ? "unknown" : JSON.stringify(value));
    throw new UserError(
      `${where} was made with ${words[key] ?? key} ${show(was[key])}, now it is ${show(is[key])}`,
      wording`Go on with the same model, data and options, or give another ${option("output")}.`,
    );
  }
}

const words: Readonly<Record<string, string>> = {
  checkpoint: "a model of",
  fingerprint: "data of",
  revision: "data of the commit",
};
