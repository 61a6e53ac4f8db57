/** Answers of a run, one a line, appended as they come, with all that they depend on: a run that was killed goes on, and asks
 *  nothing twice. Parts of a data set that were answered elsewhere are files beside it. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { option, UserError, wording } from "../../errors.js";
import { LineLog } from "../../files/line-log.js";
import type { ResultOrigin } from "../../pipeline/drafts/result-origin.js";
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

export interface Answer {
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

const lineSchema = z.looseObject({
  doc: z.int().min(0),
  prompt: z.string(),
  reply: z.string(),
  tokens: z.number(),
  steps: z.number(),
  seconds: z.number(),
  cut: z.boolean(),
  origin: z.looseObject({ task: z.string() }),
});

/** Owns an open file: `close()` it. */
export class AnswersFile {
  private constructor(
    readonly path: string,
    private readonly log: LineLog,
    private readonly answers: Map<number, Answer>,
    private readonly origin: AnswerOrigin,
  ) {}

  /** @param folder of the task
   *  @throws UserError where it cannot be written, or holds answers of another model, other data or other settings */
  static async open(folder: string, origin: AnswerOrigin, shard?: Shard): Promise<AnswersFile> {
    const name = shard === undefined ? "answers.jsonl" : `answers-${shard.index}-of-${shard.count}.jsonl`;
    const path = join(folder, name);
    const answers = new Map<number, Answer>();
    const take = (file: string) => (value: unknown, line: number) => {
      const { data } = lineSchema.safeParse(value);
      if (data === undefined) return false;
      assertSame(data.origin, origin, `${file}:${line}`);
      const { doc, prompt, reply, tokens, steps, seconds, cut } = data;
      answers.set(doc, { doc, prompt, reply, tokens, steps, seconds, cut });
      return true;
    };
    // Who asks for all has what was asked in parts.
    if (shard === undefined) for (const part of partsBeside(path)) readPart(part, take(part));
    const log = await LineLog.open(path, { beginning: '{"doc":', what: "no answer", onLine: take(path) });
    return new AnswersFile(path, log, answers, origin);
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

/** Somebody may just be writing it: nothing of it is mended, and a line that is not whole yet is not there. */
function readPart(file: string, take: (value: unknown, line: number) => boolean): void {
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
