/** Which positions of a sample are an assistant's words. */

import { ignoredLabel, imagePlaceholder } from "../../text/image-tokens.js";
import type { Labelled } from "../../text/labels.js";
import type { Tokenizer } from "../../text/tokenizer.js";

/** Positions [start, end): an answer's text, without its header and its end of turn. */
export interface AnswerSpan {
  start: number;
  end: number;
}

/** The answers of a sample. A header counts where its role is learnt: a question may quote one. One without any header
 *  (template llada_plain) is one answer behind its picture. */
export function answerSpans(tokenizer: Tokenizer, { ids, labels }: Labelled): AnswerSpan[] {
  const { startHeader, endHeader, eot } = tokenizer.special;
  if (!ids.includes(startHeader)) return [{ start: ids.lastIndexOf(imagePlaceholder) + 1, end: ids.length }];
  const header = [startHeader, ...tokenizer.encode("assistant"), endHeader];
  const lineBreaks = tokenizer.encode("\n\n");
  const spans: AnswerSpan[] = [];
  for (let i = 0; i + header.length <= ids.length; i++) {
    if (labels[i + 1] === ignoredLabel || !header.every((id, j) => ids[i + j] === id)) continue;
    const text = i + header.length;
    const start = lineBreaks.every((id, j) => ids[text + j] === id) ? text + lineBreaks.length : text;
    const eotAt = ids.indexOf(eot, start);
    spans.push({ start, end: eotAt < 0 ? ids.length : eotAt });
  }
  return spans;
}
