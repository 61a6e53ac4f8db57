/** Text of a sample that a stranger wrote: what is far more than a model ever sees is refused by its length, before it is
 *  tokenized and searched. */
import { SampleError } from "./sample-error.js";
import type { UnderstoodRecord } from "./understood-record.js";

/** UTF-16 units: of a thousand pages. Tokenizing them takes some seconds, and half a gigabyte. */
const MOST_LETTERS = 2 ** 20;
/** Phrases to revise are looked for at every place: letters of all of them, times those of the text. A long description with
 *  a hundred pairs has a hundredth of it. */
const MOST_COMPARISONS = 2 ** 30;

/** @throws SampleError naming the number and the limit */
export function assertTextSize({ turns, system, revise }: Pick<UnderstoodRecord, "turns" | "system" | "revise">): void {
  const letters = turns.reduce((sum, { content }) => sum + content.length, system.length);
  if (letters > MOST_LETTERS)
    throw new SampleError(
      "form",
      `has ${letters} letters of text; at most ${MOST_LETTERS} are read`,
      "Make several records of it",
    );
  const sought = (revise ?? []).reduce((sum, { org, target }) => sum + org.length + target.length + 1, 0);
  if (sought * letters > MOST_COMPARISONS)
    throw new SampleError(
      "revise",
      `has ${sought} letters of phrases to revise for ${letters} letters of text, more than can be looked for`,
      "Make several records of it",
    );
}
