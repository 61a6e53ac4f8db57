/** What is asked of a record before it is learnt, ours and the original's side by side. Plain data, so that threads can be
 *  given it. */
import type { SpeltTokens } from "../../text/labels.js";

/** Where phrases to be revised are looked for (revised-phrases.ts).
 *  - answers: in the answers, also where no space comes before them
 *  - whole_row: in the whole text, question included, with a space before them, to the letter of the reference */
export type PhraseSearch = "answers" | "whole_row";

/** How a record is understood that leaves something open (understood-record.ts).
 *  - meant: other keys name pictures too, a system turn is the system text, missing markers are put where they can stand
 *  - original: only `image` and `video` name any, a first turn that is no question is dropped */
export type Reading = "meant" | "original";

export interface SampleRules {
  reading: Reading;
  phraseSearch: PhraseSearch;
  /** Special tokens that a record's texts spell: words, or those tokens. */
  spelt: SpeltTokens;
  /** `<image>` in a record without pictures: a mistake, or plain text. */
  strayMarker: "refused" | "text";
  /** A sample with wrong phrases none of which can be used, or whose answer lies beyond `max_length`: left out, or learnt
   *  as it is, flaws included. */
  nothingToLearn: "refused" | "learnt";
}

export const ourSamples: SampleRules = {
  reading: "meant",
  phraseSearch: "answers",
  spelt: "text",
  strayMarker: "refused",
  nothingToLearn: "refused",
};

export const originalSamples: SampleRules = {
  reading: "original",
  phraseSearch: "whole_row",
  spelt: "tokens",
  strayMarker: "text",
  nothingToLearn: "learnt",
};

/** What a recipe's `compat` stands for. */
export const sampleRules = (compat: boolean): SampleRules => (compat ? originalSamples : ourSamples);
