/** Traces as files: the JSON lines of `--trace`, and the studio's comparisons. Both as answers with their steps. */
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { z } from "zod";
import { UserError } from "../../../errors.js";
import { fileError } from "../../../files/read-errors.js";
import type { Replayable } from "../../../inference/trace-replay.js";

const count = z.int().min(0);
const change = z.object({
  position: count,
  token: z.string(),
  id: count,
  confidence: z.number(),
  kind: z.enum(["fill", "revise"]),
});
const given = z.array(z.object({ position: count, token: z.string(), id: count }));
const MOST_TOKENS = 65_536;

const stepLine = z.object({
  image: z.string(),
  type: z.literal("step"),
  step: count,
  tokens: z.array(count).min(1).max(MOST_TOKENS),
  changes: z.array(change),
  seconds: z.number(),
  given: given.optional(),
});

const run = z.object({
  start: z.object({ gen_length: count.min(1).max(MOST_TOKENS), given: given.optional() }),
  steps: z.array(z.object({ changes: z.array(change), seconds: z.number() })),
  end: z.object({ text: z.string() }).optional(),
});
const comparison = z.object({
  format: z.literal("rediff-comparison"),
  version: z.literal(1),
  picture: z.object({ name: z.string() }).optional(),
  sides: z.record(z.string(), z.object({ title: z.string() })).optional(),
  runs: z.object({ plain: run.optional(), revising: run.optional() }),
});

export interface TracedAnswer extends Replayable {
  /** The picture's name. */
  image: string;
  /** Who answered, where the file says so. */
  who: string | undefined;
  steps: { changes: z.output<typeof change>[]; seconds: number }[];
  /** As the answer was given; files of lines have none. */
  text: string | undefined;
}

/** Bytes of a studio's file, which is read whole. */
const MOST_BYTES = 512 << 20;

/** The answers of a trace, in the order in which they began.
 *  @throws UserError when the file cannot be read, or is no trace */
export async function readTrace(path: string): Promise<TracedAnswer[]> {
  const info = await stat(path).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  if (info.isDirectory()) throw noTrace(path, "a folder");
  const answers = (await isLines(path)) ? await answersOfLines(path) : await answersOfStudio(path, info.size);
  if (answers.length === 0) throw noTrace(path, "without any step");
  return answers;
}

/** The studio's file begins with a brace alone in its line, or is one line with its format. */
async function isLines(path: string): Promise<boolean> {
  for await (const line of linesOf(path)) {
    if (line.trim() === "") continue;
    const value = parsed(line);
    return value !== undefined && !comparison.safeParse(value).success;
  }
  return true;
}

async function answersOfLines(path: string): Promise<TracedAnswer[]> {
  const answers: TracedAnswer[] = [];
  const last = new Map<string, TracedAnswer>();
  let number = 0;
  for await (const line of linesOf(path)) {
    number++;
    if (line.trim() === "") continue;
    const value = parsed(line);
    const step = stepLine.safeParse(value);
    // Half a line is what a run leaves that was cut off.
    if (value === undefined && answers.length > 0) continue;
    if (!step.success) throw noTrace(path, `at line ${number} (${placeOf(step.error)})`);
    const { image, tokens, changes, seconds } = step.data;
    let answer = last.get(image);
    // Lines of several pictures stand between each other; a step 0 begins another answer about one.
    if (answer === undefined || step.data.step === 0) {
      answer = {
        image,
        who: undefined,
        length: tokens.length,
        given: step.data.given ?? [],
        steps: [],
        text: undefined,
      };
      last.set(image, answer);
      answers.push(answer);
    }
    assertInside(path, answer.length, changes);
    answer.steps.push({ changes, seconds });
  }
  return answers;
}

async function answersOfStudio(path: string, bytes: number): Promise<TracedAnswer[]> {
  if (bytes > MOST_BYTES) throw noTrace(path, `of ${bytes} bytes`);
  const file = comparison.safeParse(parsed(await readFile(path, "utf8")));
  if (!file.success) throw noTrace(path, `(${placeOf(file.error)})`);
  const { runs, sides, picture } = file.data;
  return (["plain", "revising"] as const).flatMap((kind) => {
    const { start, steps, end } = runs[kind] ?? {};
    if (start === undefined || steps === undefined) return [];
    for (const { changes } of steps) assertInside(path, start.gen_length, changes);
    const who = sides?.[kind]?.title ?? kind;
    const image = picture?.name ?? "";
    return [{ image, who, length: start.gen_length, given: start.given ?? [], steps, text: end?.text }];
  });
}

function assertInside(path: string, length: number, changes: readonly { position: number }[]): void {
  const outside = changes.find(({ position }) => position >= length);
  if (outside !== undefined) throw noTrace(path, `: position ${outside.position} in an answer of ${length} tokens`);
}

function linesOf(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}

const placeOf = ({ issues: [issue] }: z.ZodError): string => {
  const place = issue?.path.map(String).join(".") ?? "";
  return place === "" ? "it has another form" : `unexpected value at ${place}`;
};

const noTrace = (path: string, what: string): UserError =>
  new UserError(
    `${path} is no trace ${what}`.replace(" :", ":"),
    "Give a file that --trace or the studio's Save trace has written.",
  );

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
