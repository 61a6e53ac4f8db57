/** METEOR's extract of WordNet 3: a word and the numbers of the sets that it is in. Two words are synonyms that share one. */
import { ENDINGS } from "../wordnet/morphy.js";
import { javaWords } from "./java-text.js";

const none: ReadonlySet<string> = new Set();

/** WordNet's endings, tried in this order until the dictionary has what is left. METEOR's list is from before "ves". */
const endings = [...ENDINGS.noun.filter(([ending]) => ending !== "ves"), ...ENDINGS.verb, ...ENDINGS.adj];

export class SynonymSets {
  readonly #sets: ReadonlyMap<string, string>;
  readonly #bases = new Map<string, string[]>();
  readonly #found = new Map<string, ReadonlySet<string>>();

  /** @param sets english.synsets: by turns a word, and numbers with blanks between
   *  @param exceptions english.exceptions: by turns a base form, and forms of it */
  constructor(sets: string, exceptions: string) {
    this.#sets = new Map(pairsOfLines(sets));
    for (const [base, forms] of pairsOfLines(exceptions))
      for (const form of javaWords(forms)) {
        const bases = this.#bases.get(form);
        if (bases === undefined) this.#bases.set(form, [base]);
        else bases.push(base);
      }
  }

  /** Of the word and of its base forms. */
  of(word: string): ReadonlySet<string> {
    const known = this.#found.get(word);
    if (known !== undefined) return known;
    const all = [word, ...this.#baseForms(word)].flatMap((form) => javaWords(this.#sets.get(form) ?? ""));
    const found = all.length === 0 ? none : new Set(all);
    this.#found.set(word, found);
    return found;
  }

  #baseForms(word: string): readonly string[] {
    const exceptional = this.#bases.get(word);
    if (exceptional !== undefined) return exceptional;
    if (word.endsWith("ss") || word.length <= 2) return [word];
    for (const [ending, instead] of endings) {
      const base = word.endsWith(ending) ? word.slice(0, word.length - ending.length) + instead : undefined;
      if (base !== undefined && this.#sets.has(base)) return [base];
    }
    return [];
  }
}

export const areSynonyms = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean => {
  for (const set of one) if (other.has(set)) return true;
  return false;
};

function* pairsOfLines(text: string): Generator<[string, string]> {
  const lines = text.split(/\r?\n/);
  for (let i = 0; i + 1 < lines.length; i += 2) yield [lines[i] ?? "", lines[i + 1] ?? ""];
}
