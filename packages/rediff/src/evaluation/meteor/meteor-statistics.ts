/** METEOR from an alignment: what is counted of a caption and a reference, and the score of such counts, which are added up
 *  for the score of many captions. Parameters are those of version 1.5 for English (Denkowski and Lavie 2014). */
import type { Match } from "./find-matches.js";
import { ways } from "./find-matches.js";

/** How precision and recall are weighed, how fragments count, and content words beside function words. */
const [ALPHA, BETA, GAMMA, DELTA] = [0.85, 0.2, 0.6, 0.75] as const;
const weights = [1, 0.6, 0.8, 0.6] as const;

/** Of the caption, and of the reference. */
export interface Side {
  words: number;
  functionWords: number;
  /** Matched words, by way. */
  content: readonly number[];
  functional: readonly number[];
}

export interface MeteorStatistics {
  caption: Side;
  reference: Side;
  /** Runs of matches that are in one order on both sides. */
  chunks: number;
}

export function statisticsOf(
  caption: readonly string[],
  reference: readonly string[],
  matches: readonly (Match | undefined)[],
  functionWords: ReadonlySet<string>,
): MeteorStatistics {
  const taken = matches.filter((match) => match !== undefined);
  const spans = taken.map(({ start, length, way }) => ({ start, length, way }));
  const otherSpans = taken.map(({ otherStart: start, otherLength: length, way }) => ({ start, length, way }));
  return {
    caption: sideOf(caption, otherSpans, functionWords),
    reference: sideOf(reference, spans, functionWords),
    chunks: countChunks(matches),
  };
}

interface Span {
  start: number;
  length: number;
  way: number;
}

function sideOf(words: readonly string[], spans: readonly Span[], functionWords: ReadonlySet<string>): Side {
  const isFunctional = words.map((word) => functionWords.has(word.toLowerCase()));
  const content = ways.map(() => 0);
  const functional = ways.map(() => 0);
  for (const { start, length, way } of spans)
    for (let i = start; i < start + length; i++) {
      const counts = isFunctional[i] === true ? functional : content;
      counts[way] = (counts[way] ?? 0) + 1;
    }
  return { words: words.length, functionWords: isFunctional.filter(Boolean).length, content, functional };
}

function countChunks(matches: readonly (Match | undefined)[]): number {
  let [chunks, lastEnd, place] = [0, -1, 0];
  while (place < matches.length) {
    const match = matches[place];
    if (match === undefined) {
      if (lastEnd !== -1) chunks++;
      lastEnd = -1;
      place++;
      continue;
    }
    if (lastEnd !== -1 && match.otherStart !== lastEnd) chunks++;
    place = match.start + match.length;
    lastEnd = match.otherStart + match.otherLength;
  }
  return lastEnd === -1 ? chunks : chunks + 1;
}

/** Of many captions. */
export function addStatistics(all: readonly MeteorStatistics[]): MeteorStatistics {
  const add = (of: (one: MeteorStatistics) => number) => all.reduce((sum, one) => sum + of(one), 0);
  const side = (name: "caption" | "reference"): Side => ({
    words: add((one) => one[name].words),
    functionWords: add((one) => one[name].functionWords),
    content: ways.map((_, way) => add((one) => one[name].content[way] ?? 0)),
    functional: ways.map((_, way) => add((one) => one[name].functional[way] ?? 0)),
  });
  return { caption: side("caption"), reference: side("reference"), chunks: add(chunksOf) };
}

/** A caption that is the reference in other words, in one run, has no fragments; added up, it has no chunk. */
const isWhole = ({ caption, reference, chunks }: MeteorStatistics): boolean =>
  matches(caption) === caption.words && matches(reference) === reference.words && chunks === 1;
const chunksOf = (one: MeteorStatistics): number => (isWhole(one) ? 0 : one.chunks);

/** 0 to 1. Sums are taken in the original's order: the last digit depends on it. */
export function meteorScore(statistics: MeteorStatistics): number {
  const { caption, reference, chunks } = statistics;
  const precision = weightedMatches(caption) / weightedWords(caption);
  const recall = weightedMatches(reference) / weightedWords(reference);
  const mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall);
  const fragments = isWhole(statistics) ? 0 : chunks / ((matches(caption) + matches(reference)) / 2);
  const score = mean * (1 - GAMMA * fragments ** BETA);
  return Number.isNaN(score) ? 0 : Math.max(score, 0);
}

const matches = ({ content, functional }: Side): number =>
  ways.reduce((sum, _, i) => sum + (content[i] ?? 0) + (functional[i] ?? 0), 0);

const weightedWords = ({ words, functionWords }: Side): number =>
  DELTA * (words - functionWords) + (1 - DELTA) * functionWords;

function weightedMatches({ content, functional }: Side): number {
  let sum = 0;
  for (const [i, weight] of weights.entries()) sum += (content[i] ?? 0) * weight * DELTA;
  for (const [i, weight] of weights.entries()) sum += (functional[i] ?? 0) * weight * (1 - DELTA);
  return sum;
}
