/** What goes wrong while captions are decoded, and when: for finding out why a model repeats itself or ends too late. */
import { nearestCaption } from "../scenes/expert/oracle.js";
import { readCaption } from "../scenes/language/tolerant-reader.js";
import { splitWords } from "../scenes/language/words.js";
import { scoreCaption } from "../scenes/scoring/score.js";
import type { Facts } from "../scenes/world/facts.js";

/** What a step did. Positions count from the start of the answer. */
export interface TracedStep {
  /** The answer after it, masks included. */
  tokens: ArrayLike<number>;
  filled: readonly number[];
  revised: readonly { position: number; from: number; to: number }[];
}

export interface TracedCaption {
  text: string;
  facts: Facts;
  steps: readonly TracedStep[];
}

export const faults = [
  "object twice",
  "background twice",
  "no background",
  "name not there",
  "name missing",
  "word doubled",
  "ungrammatical",
  "no such length",
] as const;
export type Fault = (typeof faults)[number];

export interface DecodingReport {
  captions: number;
  exact: number;
  /** Words of a caption, on average. */
  words: number;
  /** Steps of a caption, on average. */
  steps: number;
  /** Captions with each fault. */
  faults: Record<Fault, number>;
  /** Captions whose end was written before any word of them. */
  endFirst: number;
  /** Captions whose end moved after it had been written. */
  endMoved: number;
  /** Captions with several ends written in one step. */
  severalEnds: number;
  /** Of the tokens before the end, the share that a later step replaced. */
  replaced: number;
  /** Of the tokens that the last step wrote first, the share of all before the end: nothing revised them. */
  unrevised: number;
}

/** @param end the token that ends an answer. @param mask that of what is not written yet */
export function reportDecoding(captions: readonly TracedCaption[], end: number, mask: number): DecodingReport {
  const count = Math.max(1, captions.length);
  const found = captions.map(({ text, facts }) => faultsOf(text, facts));
  const traces = captions.map(({ steps }) => traceOf(steps, end, mask));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / count;
  const total = (key: "written" | "replaced" | "last") => traces.reduce((sum, trace) => sum + trace[key], 0);
  const having = (test: (trace: Trace) => boolean) => traces.filter(test).length;
  return {
    captions: captions.length,
    exact: captions.filter(({ text, facts }) => scoreCaption(text, facts).exact === 1).length,
    words: mean(captions.map(({ text }) => splitWords(text).length)),
    steps: mean(captions.map(({ steps }) => steps.length)),
    faults: Object.fromEntries(
      faults.map((fault) => [fault, found.filter((own) => own.has(fault)).length]),
    ) as DecodingReport["faults"],
    endFirst: having(({ endFirst }) => endFirst),
    endMoved: having(({ endMoved }) => endMoved),
    severalEnds: having(({ severalEnds }) => severalEnds),
    replaced: total("replaced") / Math.max(1, total("written")),
    unrevised: total("last") / Math.max(1, total("written")),
  };
}

export function faultsOf(text: string, facts: Facts): Set<Fault> {
  const words = splitWords(text);
  const { grammatical, statements } = readCaption(words);
  const names = statements.flatMap((said) => (said.about === "object" ? [said.name] : []));
  const backgrounds = statements.filter(({ about }) => about === "background").length;
  const there = new Set(facts.objects.map(({ name }) => name));
  const tests: Record<Fault, boolean> = {
    "object twice": new Set(names).size < names.length,
    "background twice": backgrounds > 1,
    "no background": backgrounds === 0,
    "name not there": names.some((name) => !there.has(name)),
    "name missing": [...there].some((name) => !names.includes(name)),
    "word doubled": words.some((word, i) => word === words[i + 1]),
    ungrammatical: !grammatical,
    "no such length": nearestCaption(words, facts) === undefined,
  };
  return new Set(faults.filter((fault) => tests[fault]));
}

interface Trace {
  endFirst: boolean;
  endMoved: boolean;
  severalEnds: boolean;
  /** Tokens before the end; of them, those that a later step replaced, and those that the last step wrote. */
  written: number;
  replaced: number;
  last: number;
}

function traceOf(steps: readonly TracedStep[], end: number, mask: number): Trace {
  const endOf = ({ tokens }: TracedStep) => {
    const at = Array.from(tokens).indexOf(end);
    return at < 0 ? tokens.length : at;
  };
  const last = steps.at(-1);
  if (last === undefined)
    return { endFirst: false, endMoved: false, severalEnds: false, written: 0, replaced: 0, last: 0 };
  const length = endOf(last);
  const firstEnd = steps.findIndex((step) => endOf(step) < step.tokens.length);
  const before = firstEnd > 0 ? (steps[firstEnd - 1] as TracedStep) : undefined;
  const isWord = (token: number) => token !== mask && token !== end;
  const replaced = new Set(
    steps.flatMap(({ revised }) => revised.map(({ position }) => position).filter((position) => position < length)),
  );
  return {
    endFirst: firstEnd >= 0 && !Array.from(before?.tokens ?? []).some(isWord),
    endMoved: firstEnd >= 0 && steps.slice(firstEnd).some((step) => endOf(step) !== length),
    severalEnds: steps.some(({ filled, tokens }) => filled.filter((position) => tokens[position] === end).length > 1),
    written: length,
    replaced: replaced.size,
    last: last.filled.filter((position) => position < length).length,
  };
}
