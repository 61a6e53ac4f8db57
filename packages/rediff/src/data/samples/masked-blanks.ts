/** A sample that is a form to fill in: only its blanks are masked and learnt, the words between them are given.
 *
 *  `blanks: [[start, end], ...]` of a record are characters of its only answer. Whatever else has a label loses it, the
 *  structural tokens too. */

import { tokenOffsets } from "../../text/alignment/token-offsets.js";
import { ignoredLabel } from "../../text/image-tokens.js";
import type { Labelled, Turn } from "../../text/labels.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { answerSpans } from "./answer-positions.js";
import { SampleError } from "./sample-error.js";

/** Characters (UTF-16 units) of the answer: [start, end). */
export type Blank = readonly [start: number, end: number];

/** The text with labels in its blanks only. A token that lies partly in a blank is a part of it; the space that a token
 *  may begin with does not count.
 *  @throws SampleError when there is not exactly one answer, a blank does not lie in it, or tokens have no place in it */
export function keepBlanks(
  tokenizer: Tokenizer,
  labelled: Labelled,
  turns: readonly Turn[],
  blanks: readonly Blank[],
): Labelled {
  const answers = turns.filter(({ role }) => role === "assistant");
  const [answer] = answers;
  const [span] = answerSpans(tokenizer, labelled);
  if (answers.length !== 1 || answer === undefined || span === undefined) {
    throw new SampleError("form", `has blanks and ${answers.length} answers`, "A form to fill in has one answer");
  }
  const text = answer.content;
  const outside = blanks.find(([start, end]) => start >= end || end > text.length);
  if (outside !== undefined) {
    throw new SampleError(
      "form",
      `blanks: [${outside.join(", ")}] is no part of an answer of ${text.length} characters`,
    );
  }
  const answerIds = labelled.ids.slice(span.start, span.end);
  const written = tokenizer.decode(answerIds);
  // Characters of the text are those of the tokens; only case may be lost.
  if (written.length !== text.length || written.toLowerCase() !== text.toLowerCase()) {
    throw new SampleError(
      "form",
      `has blanks, and its answer is ${JSON.stringify(written)} in the model's tokens`,
      "Write it as they do, so that characters can be counted",
    );
  }
  const offsets = tokenOffsets(tokenizer, answerIds, written);
  const labels = labelled.labels.map((label, position) => {
    const at = position - span.start;
    const from = offsets[at];
    if (from === undefined || at >= answerIds.length) return ignoredLabel;
    const to = endOf(at, offsets, tokenizer.decode(answerIds.slice(0, at + 1)));
    const seen = written.slice(from, to);
    const first = to - seen.trimStart().length;
    const last = from + seen.trimEnd().length;
    return blanks.some(([start, end]) => first < Math.min(last, end) && last > start) ? label : ignoredLabel;
  });
  if (labels.every((label) => label === ignoredLabel)) throw new SampleError("form", "its blanks hold no token");
  return { ids: labelled.ids, labels };
}

/** A token that ends inside a character reaches to that character's end.
 *  @param before the text up to this token */
function endOf(at: number, offsets: readonly number[], before: string): number {
  const end = offsets[at + 1] ?? 0;
  if (!before.endsWith("\ufffd")) return end;
  return offsets.find((offset, i) => i > at && offset > end) ?? end;
}
