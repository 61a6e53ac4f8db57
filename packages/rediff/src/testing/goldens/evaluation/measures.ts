/** Cases of what several tasks share: metrics, parsers, statistics. */
import { z } from "zod";
import { anls } from "../../../evaluation/metrics/anls.js";
import { isExactMatch } from "../../../evaluation/metrics/exact-match.js";
import { ptbTokens } from "../../../evaluation/ngrams/ptb-tokenizer.js";
import { optionLetter } from "../../../evaluation/parsing/option-letter.js";
import type { GoldenCase, Outcome } from "../golden-case.js";
import { cocoCaptions, tokenizedCaptions } from "./caption-measures.js";
import { chairOfCaptions, chairOfObjects } from "./chair-measures.js";
import { compareScores, evaluationCase } from "./evaluation-case.js";
import { lmmsLayout } from "./layout-measure.js";
import { statistics } from "./statistics-measure.js";
import { wrapped } from "./wrapper-measure.js";

export type Measure = (golden: GoldenCase) => Outcome | Promise<Outcome>;

const texts = z.array(z.string());

/** Each answer by itself. */
const perSample =
  (score: (prediction: Record<string, unknown>, golden: GoldenCase) => unknown): Measure =>
  (golden) => {
    const { predictions, per_sample } = evaluationCase(golden);
    return compareScores(
      predictions.map((prediction) => score(prediction, golden)),
      per_sample,
      golden,
    );
  };

const exactOptions = z.strictObject({
  ignore_case: z.boolean().optional(),
  ignore_punctuation: z.boolean().optional(),
  ignore_numbers: z.boolean().optional(),
});

const stockAnls: Measure = (golden) => {
  const { docs, predictions, per_sample, aggregate } = evaluationCase(golden);
  const scores = predictions.map(({ doc, text }) => anls(String(text), texts.parse(docs[Number(doc)]?.answers)));
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return compareScores(
    { per_sample: scores.map((score) => ({ anls: score })), aggregate: { anls: mean } },
    { per_sample, aggregate },
    golden,
  );
};

export const measures: Readonly<Record<string, Measure>> = {
  anls: stockAnls,
  exact_match: perSample(({ text, reference, options }) => {
    const { ignore_case, ignore_punctuation, ignore_numbers } = exactOptions.parse(options);
    const isMatch = isExactMatch(String(text), String(reference), {
      ignoreCase: ignore_case ?? false,
      ignorePunctuation: ignore_punctuation ?? false,
      ignoreNumbers: ignore_numbers ?? false,
    });
    return { exact_match: Number(isMatch) };
  }),
  caption_ngrams: tokenizedCaptions,
  chair: chairOfCaptions,
  chair_lmms_eval: chairOfObjects,
  coco_caption: cocoCaptions,
  ptb_tokenizer: perSample(({ text }) => ({ tokens: ptbTokens(String(text)) })),
  lmms_eval_layout: lmmsLayout,
  model_wrapper: perSample(wrapped),
  statistics,
  mcq_extract: perSample(({ text, choices }) => ({ letter: optionLetter(String(text), texts.parse(choices)) })),
};
