/** Captions beside references: n-gram metrics. */
import { z } from "zod";
import { meteor } from "../../../evaluation/meteor/meteor.js";
import { openMeteorFiles } from "../../../evaluation/meteor/meteor-files.js";
import { bleu, type TokenizedCaption } from "../../../evaluation/ngrams/bleu.js";
import { cider } from "../../../evaluation/ngrams/cider.js";
import { ptbTokens } from "../../../evaluation/ngrams/ptb-tokenizer.js";
import { rougeL } from "../../../evaluation/ngrams/rouge-l.js";
import type { GoldenCase, Outcome } from "../golden-case.js";
import { compareScores, evaluationCase, type Keyed } from "./evaluation-case.js";

const keyedScores = z.record(z.string(), z.unknown());
const texts = z.array(z.string());

/** All metrics of one run, and of each of its captions. */
export function ngramScores(captions: readonly TokenizedCaption[]): { corpus: Keyed; each: Keyed[] } {
  const bleus = bleu(captions);
  const rouges = captions.map(rougeL);
  const ciders = cider(captions);
  const keyed = (four: readonly number[], ROUGE_L: unknown, CIDEr: unknown): Keyed => ({
    ...Object.fromEntries(four.map((score, i) => [`Bleu_${i + 1}`, score])),
    ROUGE_L,
    CIDEr,
  });
  const rouge = rouges.reduce((sum, score) => sum + score, 0) / rouges.length;
  return {
    corpus: keyed(bleus.corpus, rouge, ciders.corpus),
    each: bleus.each.map((four, i) => keyed(four, rouges[i], ciders.each[i])),
  };
}

export function tokenizedCaptions(golden: GoldenCase): Outcome {
  const { docs, predictions, per_sample, aggregate } = evaluationCase(golden);
  const captions = predictions.map(({ doc, text }) => ({
    candidate: String(text),
    references: texts.parse(docs[Number(doc)]?.tokens),
  }));
  const { corpus, each } = ngramScores(captions);
  return compareScores({ per_sample: each, aggregate: corpus }, { per_sample, aggregate }, golden);
}

/** Where METEOR's tables are, its scores are compared as well; they do not come with the goldens. */
const TABLES = "REDIFF_METEOR";

const withoutMeteor = (scores: unknown): Keyed => {
  const { METEOR: _, ...rest } = keyedScores.parse(scores);
  return rest;
};

/** Runs of captions from their texts on. */
export async function cocoCaptions(golden: GoldenCase): Promise<Outcome> {
  const { docs, predictions, per_sample, aggregate } = evaluationCase(golden);
  const folder = process.env[TABLES];
  const tables = folder === undefined ? undefined : await openMeteorFiles(folder);
  const compared = tables === undefined ? withoutMeteor : (scores: unknown) => keyedScores.parse(scores);
  const judgeRun = async (name: string) => {
    const samples = predictions.map((prediction, i) => ({ prediction, i }));
    const own = samples.filter(({ prediction }) => `run_${prediction.run}` === name);
    const captions = own.map(({ prediction: { doc, text } }) => ({
      candidate: ptbTokens(String(text)),
      references: texts.parse(docs[Number(doc)]?.captions).map(ptbTokens),
    }));
    const { corpus, each } = ngramScores(captions);
    const meteors = tables && (await meteor(captions, tables));
    const actual = each.map((scores, j) => ({
      run: own[j]?.prediction.run,
      tokens: captions[j]?.candidate,
      ...scores,
      ...(meteors && { METEOR: meteors.each[j]?.score }),
    }));
    const total = { ...corpus, ...(meteors && { METEOR: meteors.corpus }) };
    return { name, corpus: total, actual, expected: own.map(({ i }) => compared(per_sample[i])) };
  };
  const runs = await Promise.all(Object.keys(aggregate).map(judgeRun));
  const references = docs.map(({ captions }) => texts.parse(captions).map(ptbTokens));
  const outcome = compareScores(
    { references, runs: runs.map(({ corpus, actual }) => ({ corpus, actual })) },
    {
      references: docs.map(({ tokens }) => tokens),
      runs: runs.map(({ name, expected }) => ({ corpus: compared(aggregate[name]), actual: expected })),
    },
    golden,
  );
  return { ...(tables === undefined && { note: `all but METEOR, whose tables ${TABLES} can name` }), ...outcome };
}
