/** CHAIR of captions, and of lists of objects. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { captionWords } from "../../../evaluation/chair/caption-words.js";
import { chairScores, mentionsIn, objectsIn, parseSynonyms } from "../../../evaluation/chair/chair.js";
import { singular } from "../../../evaluation/chair/singular.js";
import type { GoldenCase, Outcome } from "../golden-case.js";
import { compareScores, evaluationCase } from "./evaluation-case.js";

const texts = z.array(z.string());

/** The original takes a toilet's seat out of the words and not out of their places: behind it, places are those of words
 *  before. */
function shiftedPlace(caption: string, place: number): number {
  const { words, places } = captionWords(caption);
  if (!words.includes("toilet") || !words.includes("seat")) return place;
  const kept = places.filter((_, i) => words[i] !== "seat");
  return places[kept.indexOf(place)] ?? place;
}

export function chairOfCaptions(golden: GoldenCase): Outcome {
  const { docs, predictions, per_sample, aggregate } = evaluationCase(golden);
  const { singular: singulars } = z.looseObject({ singular: z.record(z.string(), z.string()) }).parse(golden.raw);
  const names = parseSynonyms(readFileSync(join(golden.dir, "synonyms.txt"), "utf8"));
  const truths = docs.map(({ segment_categories, captions }) =>
    objectsIn(texts.parse(segment_categories), texts.parse(captions), names),
  );
  const samples = predictions.map(({ doc, text }) => {
    const truth = truths[Number(doc)] ?? new Set();
    const { words, mentions } = mentionsIn(String(text), names);
    const wrong = mentions.filter(({ object }) => !truth.has(object));
    const described = { objects: mentions.map(({ object }) => object), truth };
    const scores = chairScores([described]);
    const sample = {
      words,
      objects: described.objects,
      hallucinated: wrong.map(({ word, object }) => [word, object]),
      hallucination_idxs: wrong.map(({ place }) => shiftedPlace(String(text), place)),
      metrics: { CHAIRs: scores.captions, CHAIRi: scores.mentions, Recall: scores.recall },
    };
    return { described, sample };
  });
  const all = chairScores(samples.map(({ described }) => described));
  return compareScores(
    {
      truth: truths.map((truth) => [...truth].sort()),
      samples: samples.map(({ sample }) => sample),
      aggregate: { CHAIRs: all.captions, CHAIRi: all.mentions, Recall: all.recall },
      singular: Object.fromEntries(Object.keys(singulars).map((word) => [word, singular(word)])),
    },
    { truth: docs.map(({ gt_objects }) => gt_objects), samples: per_sample, aggregate, singular: singulars },
    golden,
  );
}

/** In percent. */
export function chairOfObjects(golden: GoldenCase): Outcome {
  const { docs, predictions, aggregate } = evaluationCase(golden);
  const described = predictions.map(({ doc, objects }) => ({
    objects: texts.parse(objects),
    truth: new Set(texts.parse(docs[Number(doc)]?.gt_object)),
  }));
  const { captions, mentions, recall } = chairScores(described);
  const actual = { coco_cap_chair_i: mentions * 100, coco_cap_chair_s: captions * 100, coco_cap_recall: recall * 100 };
  return compareScores(actual, aggregate, golden);
}
