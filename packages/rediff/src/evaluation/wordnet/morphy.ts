/** Morphy as NLTK has it: from a word to the forms that the dictionary knows, by a list of exceptions or by endings. */

export type PartOfSpeech = "noun" | "verb" | "adj" | "adv";
export const POS: readonly PartOfSpeech[] = ["noun", "verb", "adj", "adv"];

/** WordNet's: what a word may end with, and what its base form has there instead. */
export const ENDINGS: Readonly<Record<PartOfSpeech, readonly (readonly [ending: string, instead: string])[]>> = {
  noun: [
    ["s", ""],
    ["ses", "s"],
    ["ves", "f"],
    ["xes", "x"],
    ["zes", "z"],
    ["ches", "ch"],
    ["shes", "sh"],
    ["men", "man"],
    ["ies", "y"],
  ],
  verb: [
    ["s", ""],
    ["ies", "y"],
    ["es", "e"],
    ["es", ""],
    ["ed", "e"],
    ["ed", ""],
    ["ing", "e"],
    ["ing", ""],
  ],
  adj: [
    ["er", ""],
    ["est", ""],
    ["er", "e"],
    ["est", "e"],
  ],
  adv: [],
};

export interface Dictionary {
  exceptions: ReadonlyMap<string, readonly string[]>;
  isKnown(form: string): boolean;
}

/** Known forms; an exception has no others. Endings are taken off again and again until something is known. */
export function baseForms(word: string, pos: PartOfSpeech, { exceptions, isKnown }: Dictionary): string[] {
  const known = (forms: readonly string[]) => [...new Set(forms)].filter(isKnown);
  const bases = exceptions.get(word);
  if (bases !== undefined) return known([word, ...bases]);
  let forms = shortened([word], pos);
  let found = known([word, ...forms]);
  while (found.length === 0 && forms.length > 0) {
    forms = shortened(forms, pos);
    found = known(forms);
  }
  return found;
}

function shortened(forms: readonly string[], pos: PartOfSpeech): string[] {
  const shorter = forms.flatMap((form) =>
    ENDINGS[pos].flatMap(([ending, instead]) =>
      form.endsWith(ending) ? [form.slice(0, form.length - ending.length) + instead] : [],
    ),
  );
  return [...new Set(shorter)];
}
