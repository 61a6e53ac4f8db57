/** What is asked of a record before it is learnt, ours and the original's side by side. Plain data, so that threads can be
 *  given it. */

/** Where phrases to be revised are looked for (revised-phrases.ts).
 *  - answers: in the answers, also where no space comes before them
 *  - whole_row: in the whole text, question included, with a space before them, to the letter of the reference */
export type PhraseSearch = "answers" | "whole_row";

export interface SampleRules {
  phraseSearch: PhraseSearch;
  /** `<image>` in a record without pictures: a mistake, or plain text. */
  strayMarker: "refused" | "text";
  /** A sample with wrong phrases none of which can be used, or whose answer lies beyond `max_length`: left out, or learnt
   *  as it is, flaws included. */
  nothingToLearn: "refused" | "learnt";
}

export const ourSamples: SampleRules = {
  phraseSearch: "answers",
  strayMarker: "refused",
  nothingToLearn: "refused",
};

export const originalSamples: SampleRules = {
  phraseSearch: "whole_row",
  strayMarker: "text",
  nothingToLearn: "learnt",
};

/** What a recipe's `compat` stands for. */
export const sampleRules = (compat: boolean): SampleRules => (compat ? originalSamples : ourSamples);
