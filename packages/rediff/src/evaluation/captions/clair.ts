/** CLAIR as CapMAS runs it: a judge says how likely two captions are about the same picture, 0 to 100, and why.
 *
 *  The original package asks an ensemble of judges as a user; scores of different judges cannot be compared. */
import { parseShallowJson } from "../../options/shallow-json.js";
import { isRecord, type JsonRecord } from "../../pipeline/formats/exact-json.js";
import { stripPython } from "../../text/python-strip.js";
import { parsePythonFloat } from "../python/python-number.js";
import { type AskSuite, isLost, type SuiteQuestion, type Trouble, type Troubles, troublesOf } from "./suite.js";

const TRIES = 3;

/** One system message, in our words: the task, both sets of captions, a number from 0 to 100 and a reason as JSON. */
export function clairQuestion(candidate: string, reference: string, attempt = 0): SuiteQuestion {
  const content = [
    "You compare descriptions of pictures. How likely is it that the candidate set and the reference set below describe the same picture?",
    `Candidate set:\n- ${candidate}\n`,
    `Reference set:\n- ${reference}\n`,
    'Reply with one JSON object, {"score": NUMBER, "reason": TEXT}: the score is a whole number from 0 (surely different pictures) to 100 (surely the same picture), the reason one sentence on how you came to it.',
  ].join("\n");
  return { purpose: "clair", messages: [{ role: "system", content }], maxTokens: 4096, temperature: 0, attempt };
}

export interface ClairReply {
  /** 0 to 100. */
  score: number;
  /** Null only where the judge writes null. */
  reason: string | null;
}

const NO_REASON = "Unknown";

/** The first object, or else the first number.
 *  @returns undefined for a reply with neither, and for a score that is no number, which ends the original */
export function readClair(reply: string): ClairReply | undefined {
  const value = firstObject(reply);
  if (value === undefined || !("score" in value)) return readNumber(reply);
  const score = typeof value.score === "string" ? parsePythonFloat(value.score) : value.score;
  if (typeof score !== "number" || !Number.isFinite(score)) return undefined;
  const { reason = NO_REASON } = value;
  return { score, reason: reason === null || typeof reason === "string" ? reason : JSON.stringify(reason) };
}

/** From the first brace to the next closing one: a brace in the reason ends it too soon. */
function firstObject(reply: string): JsonRecord | undefined {
  const inside = reply.split("{")[1]?.split("}")[0];
  try {
    const value: unknown = parseShallowJson(`{${inside}}`);
    return inside !== undefined && isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A number below 1 is taken for a share here, and only here. */
function readNumber(reply: string): ClairReply | undefined {
  const number = parsePythonFloat(/\p{Nd}*\.?\p{Nd}+/u.exec(reply)?.[0] ?? "");
  if (number === undefined) return undefined;
  const after = /reason(.*)/i.exec(reply)?.[1];
  const reason = after === undefined ? NO_REASON : stripPython(after.replaceAll(":", ""));
  return { score: number < 1 ? number * 100 : number, reason };
}

export interface ClairDocument {
  image: string;
  /** By a person. */
  reference: string;
}

export interface ClairSample {
  image: string;
  /** 0 to 1; 0 after replies that could not be read; null where nobody was asked or nobody answered. */
  score: number | null;
  reason: string | null;
  calls: number;
  trouble: Trouble | null;
}

export async function judgeClair(
  { image, reference }: ClairDocument,
  caption: string | null,
  ask: AskSuite,
): Promise<ClairSample> {
  if (caption === null) return { image, score: null, reason: null, calls: 0, trouble: "no_caption" };
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const reply = await ask(clairQuestion(caption, reference, attempt));
    const calls = attempt + 1;
    if (reply === undefined) return { image, score: null, reason: null, calls, trouble: "judge_failed" };
    const read = readClair(reply);
    if (read !== undefined)
      return {
        image,
        score: read.score / 100,
        reason: read.reason,
        calls,
        trouble: read.reason === null ? "skipped" : null,
      };
  }
  return { image, score: 0, reason: null, calls: TRIES, trouble: "unreadable" };
}

export interface ClairResult {
  /** 0 to 1; null where no picture has a score. */
  clair: number | null;
  /** The same with 0 for each picture whose judgement is lost or unreadable. */
  clair_lost_as_zero: number | null;
  pictures: number;
  troubles: Troubles;
}

/** The sum over all pictures by the number of those not left out. A picture without a reason is left out of the number, while
 *  its score stays in the sum: so the original counts. */
export function scoreClair(samples: readonly ClairSample[]): ClairResult {
  const sum = samples.reduce((total, { score }) => total + (score ?? 0), 0);
  const counted = samples.filter(({ trouble }) => trouble === null).length;
  const lost = samples.filter(({ trouble }) => isLost(trouble)).length;
  return {
    clair: counted === 0 ? null : sum / counted,
    clair_lost_as_zero: counted + lost === 0 ? null : sum / (counted + lost),
    pictures: samples.length,
    troubles: troublesOf(samples),
  };
}
