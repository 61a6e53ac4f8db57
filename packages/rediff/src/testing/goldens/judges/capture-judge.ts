/** CAPTURE without its networks: merging, matching and score, on graphs and cosines that are recorded. */
import { z } from "zod";
import { compareGraphs } from "../../../evaluation/capture/capture.js";
import { type Scores, synonymScore } from "../../../evaluation/capture/matching.js";
import { mergeGraphs, type SceneGraph } from "../../../evaluation/capture/scene-graph.js";
import { openWordNet } from "../../../evaluation/wordnet/wordnet-files.js";
import { compareExact } from "../compare.js";
import type { GoldenCase, Outcome } from "../golden-case.js";

const graphs = z.array(
  z.object({
    entities: z.array(z.object({ head: z.string(), attributes: z.array(z.string()) })),
    relations: z.array(z.object({ subject: z.int(), relation: z.string(), object: z.int() })),
  }),
);
const merged = z.unknown();
const caseSchema = z.looseObject({
  docs: z.array(z.looseObject({ graphs, merged })),
  predictions: z.array(
    z.looseObject({
      ...{ doc: z.int(), graphs, merged, soft_matching: z.boolean() },
      similarities: z.record(z.string(), z.number()),
    }),
  ),
  per_sample: z.array(z.unknown()),
  synonyms: z.array(z.object({ a: z.string(), b: z.string(), score: z.number() })),
  tolerance: z.looseObject({ atol: z.number() }),
});

export async function run({ raw }: GoldenCase): Promise<Outcome> {
  const golden = caseSchema.parse(raw);
  const wordNet = await openWordNet();
  const references = golden.docs.map((doc) => mergeGraphs(doc.graphs, wordNet));
  const candidates = golden.predictions.map((prediction) => mergeGraphs(prediction.graphs, wordNet));
  const perSample = [];
  for (const [i, { doc, soft_matching, similarities }] of golden.predictions.entries()) {
    const [candidate, reference] = [candidates[i], references[doc]];
    if (candidate === undefined || reference === undefined) throw new Error(`no document ${doc}`);
    const recorded = async (those: readonly string[], others: readonly string[]) =>
      those.map((a) => others.map((b) => cosineOf(similarities, a, b)));
    const options = { wordNet, ...(soft_matching && { similarity: recorded }) };
    const { capture, objects, attributes, relations } = await compareGraphs(candidate, reference, options);
    const scores = { ...named("object", objects), ...named("attribute", attributes), ...named("relation", relations) };
    perSample.push({ capture, ...scores });
  }
  const names = (word: string) => wordNet.lemmaNames(word);
  const got = {
    merged: [references, candidates].map((those) => those.map(plain)),
    per_sample: perSample,
    synonyms: golden.synonyms.map(({ a, b }) => ({ a, b, score: synonymScore(a, b, names) })),
  };
  const expected = {
    merged: [golden.docs, golden.predictions].map((those) => those.map((item) => item.merged)),
    per_sample: golden.per_sample,
    synonyms: golden.synonyms,
  };
  const outcome = compareExact(got, expected);
  return outcome.deviation <= golden.tolerance.atol ? { status: "passed", deviation: outcome.deviation } : outcome;
}

function cosineOf(similarities: Readonly<Record<string, number>>, a: string, b: string): number {
  const cosine = similarities[`${a} | ${b}`];
  if (cosine === undefined) throw new Error(`no recorded similarity of ${a} | ${b}: other phrases were left over`);
  return cosine;
}

const named = (name: string, { precision, recall, f1 }: Scores) => ({
  [`${name}_precision`]: precision,
  [`${name}_recall`]: recall,
  [`${name}_f1`]: f1,
});

const plain = ({ objects, attributes, relations }: SceneGraph) => ({
  objects,
  attributes: Object.fromEntries(attributes),
  relations,
});
