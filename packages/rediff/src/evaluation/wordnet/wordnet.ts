/** WordNet's files, asked as NLTK asks them: base forms of words, and the words that share a sense with one.
 *
 *  Nothing is parsed ahead: index files are sorted, so a word is found by halving, and what it points to are offsets into
 *  the data files. NLTK has version 3.0; in others the senses differ a little. */
import { baseForms, type PartOfSpeech, POS } from "./morphy.js";

/** The bytes of `index.noun`, `data.noun`, ...; `noun.exc` where it is there. */
export interface PosFiles {
  index: Buffer;
  data: Buffer;
  exceptions: Buffer | undefined;
}
export type WordNetFiles = Readonly<Record<PartOfSpeech, PosFiles>>;

export class WordNet {
  readonly #exceptions: Readonly<Record<PartOfSpeech, ReadonlyMap<string, readonly string[]>>>;

  /** @internal see openWordNet */
  constructor(
    private readonly files: WordNetFiles,
    /** For results: "3.0". */
    readonly version: string,
  ) {
    const read = (pos: PartOfSpeech) => readExceptions(files[pos].exceptions);
    this.#exceptions = { noun: read("noun"), verb: read("verb"), adj: read("adj"), adv: read("adv") };
  }

  /** WordNetLemmatizer.lemmatize: the shortest base form; the word itself where there is none. */
  lemmatize(word: string, pos: PartOfSpeech): string {
    let shortest: string | undefined;
    for (const form of this.#forms(word, pos))
      if (shortest === undefined || form.length < shortest.length) shortest = form;
    return shortest ?? word;
  }

  /** Names of all lemmas of all senses of a word, and of those that it is a form of. Words are joined by underscores. */
  lemmaNames(word: string): Set<string> {
    const names = new Set<string>();
    for (const pos of POS)
      for (const form of this.#forms(word.toLowerCase(), pos))
        for (const offset of this.#offsets(form, pos)) for (const name of this.#words(offset, pos)) names.add(name);
    return names;
  }

  #forms(word: string, pos: PartOfSpeech): string[] {
    const isKnown = (form: string) => this.#offsets(form, pos).length > 0;
    return baseForms(word, pos, { exceptions: this.#exceptions[pos], isKnown });
  }

  #offsets(form: string, pos: PartOfSpeech): number[] {
    // Others are in no file; "  1" would find the licence.
    const line = /^[\x21-\x7e]+$/.test(form) ? findLine(this.files[pos].index, form) : undefined;
    if (line === undefined) return [];
    // lemma pos senses pointers [pointer...] senses tagged offset...
    const fields = line.trimEnd().split(" ");
    const senses = Number(fields[2]);
    return fields.slice(-senses).map(Number);
  }

  /** offset file type count(hex) word id [word id...]; adjectives have their place in brackets behind them. */
  #words(offset: number, pos: PartOfSpeech): string[] {
    const { data } = this.files[pos];
    const fields = data.toString("latin1", offset, data.indexOf(10, offset)).split(" ", 4 + 2 * 256);
    const count = Number.parseInt(fields[3] ?? "0", 16);
    return Array.from({ length: count }, (_, i) => (fields[4 + 2 * i] ?? "").replace(/\(.*\)$/, ""));
  }
}

function readExceptions(bytes: Buffer | undefined): Map<string, readonly string[]> {
  const lines = bytes?.toString("latin1").split("\n") ?? [];
  return new Map(
    lines.flatMap((line) => {
      const [form, ...bases] = line.trim().split(/\s+/);
      return form ? [[form, bases] as const] : [];
    }),
  );
}

/** The line of a sorted file that begins with the key and a blank. The licence above the words begins with blanks. */
function findLine(file: Buffer, key: string): string | undefined {
  const wanted = Buffer.from(`${key} `, "latin1");
  let low = 0;
  let high = file.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const start = file.lastIndexOf(10, middle - 1) + 1;
    const newline = file.indexOf(10, start);
    const end = newline < 0 ? file.length : newline;
    const order = file.compare(wanted, 0, wanted.length, start, Math.min(start + wanted.length, end));
    if (order === 0) return file.toString("latin1", start, end);
    if (order < 0) low = end + 1;
    else high = start;
  }
  return undefined;
}
