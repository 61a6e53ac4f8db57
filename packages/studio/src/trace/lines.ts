/** Traces of the command line: a JSON line for each step of each answer (`--trace`). */
import * as z from "zod/mini";
import { changeSchema, parse, parseJson } from "../server/messages.js";
import { Problem } from "../server/problem.js";
import type { SavedComparison } from "./file.js";
import { addEvent, type Trace, textAt } from "./trace.js";

const count = z.int().check(z.minimum(0));

const lineSchema = z.object({
  image: z.string(),
  type: z.literal("step"),
  step: count,
  block: count,
  tokens: z.array(count).check(z.minLength(1), z.maxLength(8192)),
  changes: z.array(changeSchema),
  seconds: z.number().check(z.minimum(0)),
  given: z.optional(z.array(z.object({ position: count, token: z.string(), id: count }))),
  /** Of the first step: how it was asked. */
  request: z.optional(
    z.object({
      revise: z.boolean(),
      messages: z.optional(z.array(z.object({ role: z.string(), content: z.nullable(z.string()) }))),
    }),
  ),
});

interface Answer {
  image: string;
  trace: Trace;
  revises: boolean;
  prompt: string;
}

export function isTraceLines(text: string): boolean {
  const [line = ""] = text.trimStart().split("\n", 1);
  return parse(lineSchema, parseJson(line)).ok;
}

/** Of each picture, in the order in which their answers began: two answers that follow one another, the one without and the
 *  other with revising, stand beside each other.
 *  @throws Problem that names the line */
export function readTraceLines(text: string): SavedComparison[] {
  const comparisons: SavedComparison[] = [];
  let last: { image: string; runs: SavedComparison["runs"] } | undefined;
  for (const { image, trace, revises, prompt } of answersOf(text)) {
    const kind = revises ? "revising" : "plain";
    const done = ended(trace);
    if (last?.image === image && last.runs[kind] === undefined) {
      last.runs[kind] = done;
      continue;
    }
    const runs = { [kind]: done };
    last = { image, runs };
    comparisons.push({ created: "", model: nameOf(image), prompt, settings: {}, runs });
  }
  return comparisons;
}

function answersOf(text: string): Answer[] {
  const answers: Answer[] = [];
  const current = new Map<string, Answer>();
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const value = parseJson(line);
    // Half a line is what a run leaves that was cut off.
    if (value === undefined && answers.length > 0) continue;
    const step = parse(lineSchema, value);
    if (!step.ok) throw new Problem("bad-file", `Line ${i + 1} is no step of a trace: ${step.problem}.`);
    const { image, tokens, given, request, type, step: number, block, changes, seconds } = step.value;
    let answer = current.get(image);
    if (answer === undefined || number === 0) {
      const start = { gen_length: tokens.length, steps: 0, mask: "", image_tokens: 0, ...(given && { given }) };
      const prompt = request?.messages?.findLast(({ role }) => role === "user")?.content ?? "";
      answer = {
        ...{ image, revises: request?.revise ?? false },
        prompt: prompt.replaceAll("<image>", "").trim(),
        trace: addEvent(undefined, { type: "start", ...start }),
      };
      current.set(image, answer);
      answers.push(answer);
    }
    try {
      answer.trace = addEvent(answer.trace, { type, step: number, block, changes, seconds });
    } catch (thrown) {
      throw new Problem("bad-file", `Line ${i + 1}: ${thrown instanceof Error ? thrown.message : thrown}.`);
    }
  }
  return answers;
}

/** Lines have no end: it is over where no mask is left. */
function ended(trace: Trace): Trace {
  const { steps, start } = trace;
  const written = new Set(
    [...(start.given ?? []), ...steps.flatMap(({ changes }) => changes)].map((one) => one.position),
  );
  const whole = { ...trace, start: { ...start, steps: steps.length } };
  if (written.size < start.gen_length) return whole;
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  const edits = steps.flatMap(({ changes }) => changes).filter(({ kind }) => kind === "revise").length;
  const counts = { steps: steps.length, tokens: start.gen_length, edits, seconds };
  return { ...whole, end: { text: textAt(trace, steps.length), ...counts, stopped: false } };
}

function nameOf(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
