/** A sample that is a form to fill in: only its blanks are masked and learnt, the words between them are given.
 *
 *  `blanks: [[start, end], ...]` of a record are characters of its only answer. Whatever else has a label loses it, the
 *  structural tokens too. */
import { ignoredLabel } from "../text/image-tokens.js";
import type { Labelled, Turn } from "../text/labels.js";
import { tokenOffsets } from "../text/spans.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { answerSpans } from "./answer-spans.js";
import { SampleError } from "./sample-error.js";

/** Characters (UTF-16 units) of the answer: [start, end). */
export type Blank = readonly [start: number, end: number];

/** The row with labels in its blanks only. A token that lies partly in a blank is a part of it.
 *  @throws SampleError when there is not exactly one answer, or a blank does not lie in it */
export function keepBlanks(
  tokenizer: Tokenizer,
  row: Labelled,
  turns: readonly Turn[],
  blanks: readonly Blank[],
): Labelled {
  const answers = turns.filter(({ role }) => role === "assistant");
  const [answer] = answers;
  const [span] = answerSpans(tokenizer, row);
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
  const offsets = tokenOffsets(tokenizer, row.ids.slice(span.start, span.end), text);
  const labels = row.labels.map((label, position) => {
    const from = offsets[position - span.start];
    const to = offsets[position - span.start + 1];
    if (from === undefined || to === undefined || position >= span.end) return ignoredLabel;
    return blanks.some(([start, end]) => from < end && to > start && text.slice(from, to).trim() !== "")
      ? label
      : ignoredLabel;
  });
  if (labels.every((label) => label === ignoredLabel)) throw new SampleError("form", "its blanks hold no token");
  return { ids: row.ids, labels };
}
