/** CAPTURE over captions: the mean over the references of each picture, then over pictures. */
import type { WordNet } from "../wordnet/wordnet.js";
import { type CaptureScores, compareGraphs } from "./capture.js";
import type { CaptureParts } from "./capture-parts.js";
import type { Scores } from "./matching.js";
import { keepNouns, mergeGraphs, type SceneGraph } from "./scene-graph.js";

export interface CaptureDocument {
  image: string;
  /** Null where there is none: counted, and no part of the mean. */
  caption: string | null;
  references: readonly string[];
}

export interface CaptureResult {
  /** 0 to 1; null where no picture has a caption. */
  capture: number | null;
  objects: Scores | null;
  attributes: Scores | null;
  relations: Scores | null;
  pictures: number;
  no_caption: readonly string[];
  /** What the score was made with; another parser or encoder makes another score. */
  parts: string;
  wordnet: string;
  /** Steps of the original that were left out for want of a part. */
  left_out: readonly string[];
}

export async function captureCaptions(
  documents: readonly CaptureDocument[],
  parts: CaptureParts,
  wordNet: WordNet,
): Promise<CaptureResult> {
  const graphs = new Map<string, Promise<SceneGraph>>();
  const graphOf = (text: string): Promise<SceneGraph> => {
    const known = graphs.get(text) ?? graphOfCaption(text, parts, wordNet);
    graphs.set(text, known);
    return known;
  };
  const compared: CaptureScores[] = [];
  const missing: string[] = [];
  for (const { image, caption, references } of documents) {
    if (caption === null) missing.push(image);
    if (caption === null || references.length === 0) continue;
    const candidate = await graphOf(caption);
    const scores = [];
    for (const reference of references)
      scores.push(await compareGraphs(candidate, await graphOf(reference), { wordNet, similarity: parts.similarity }));
    compared.push(meanOf(scores));
  }
  const mean = compared.length === 0 ? undefined : meanOf(compared);
  return {
    capture: mean?.capture ?? null,
    objects: mean?.objects ?? null,
    attributes: mean?.attributes ?? null,
    relations: mean?.relations ?? null,
    pictures: compared.length,
    no_caption: missing,
    parts: parts.name,
    wordnet: wordNet.version,
    left_out: leftOut(parts),
  };
}

async function graphOfCaption(text: string, parts: CaptureParts, wordNet: WordNet): Promise<SceneGraph> {
  const graph = mergeGraphs(await parts.parse(text), wordNet);
  const { stopWords = new Set<string>() } = parts;
  return keepNouns(graph, await parts.nouns?.(text), stopWords);
}

function leftOut({ nouns, stopWords, similarity }: CaptureParts): string[] {
  const steps = { "objects that are no nouns": nouns, "stop words": stopWords, "soft matching": similarity };
  return Object.entries(steps).flatMap(([step, part]) => (part === undefined ? [step] : []));
}

function meanOf(all: readonly CaptureScores[]): CaptureScores {
  const mean = (pick: (scores: CaptureScores) => number) =>
    all.reduce((sum, scores) => sum + pick(scores), 0) / all.length;
  const part = (name: "objects" | "attributes" | "relations"): Scores => ({
    precision: mean((scores) => scores[name].precision),
    recall: mean((scores) => scores[name].recall),
    f1: mean((scores) => scores[name].f1),
  });
  return {
    capture: mean(({ capture }) => capture),
    objects: part("objects"),
    attributes: part("attributes"),
    relations: part("relations"),
  };
}
