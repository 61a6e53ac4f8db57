/** METEOR's table of paraphrases: five million pairs of phrases, of which those are kept whose words occur in what is scored. */
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { UserError } from "../../errors.js";
import { javaWords } from "./java-text.js";

export interface Paraphrases {
  /** What the phrase can be said as, in the table's order. */
  get(phrase: string): readonly (readonly string[])[];
  /** Words of the longest phrase. */
  longest: number;
}

/** By phrases with one blank between words. */
export class ParaphraseTable implements Paraphrases {
  readonly #others = new Map<string, string[][]>();
  longest = 0;

  add(phrase: readonly string[], other: string[]): void {
    const key = phrase.join(" ");
    const others = this.#others.get(key);
    if (others === undefined) this.#others.set(key, [other]);
    else others.push(other);
    this.longest = Math.max(this.longest, phrase.length);
  }

  get(phrase: string): readonly (readonly string[])[] {
    return this.#others.get(phrase) ?? [];
  }
}

/** @param path three lines for each pair: a probability that nothing reads, a phrase, another one; packed by gzip
 *  @param words that occur in what is scored
 *  @throws UserError for a file that is cut off, or no such table */
export async function readParaphrases(path: string, words: ReadonlySet<string>): Promise<ParaphraseTable> {
  const table = new ParaphraseTable();
  const reader = pairReader(table, words);
  try {
    const file = createReadStream(path);
    const unpacked = file.pipe(createGunzip({ chunkSize: 1 << 20 })).setEncoding("utf8");
    file.on("error", (error) => unpacked.destroy(error));
    for await (const piece of unpacked) reader.take(piece as string);
  } catch (cause) {
    throw damaged(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const lines = reader.end();
  if (lines === 0 || lines % 3 !== 0) throw damaged(path, `${lines} lines are no pairs of phrases`);
  return table;
}

/** Sixteen million lines go through here, so a piece of the file is gone through at once. */
function pairReader(table: ParaphraseTable, words: ReadonlySet<string>) {
  let [rest, lines] = ["", 0];
  let phrase: string[] | undefined;
  const take = (line: string): void => {
    const place = lines++ % 3;
    if (place === 1) phrase = known(line, words);
    if (place !== 2 || phrase === undefined) return;
    const other = known(line, words);
    if (other !== undefined) table.add(phrase, other);
  };
  return {
    take(piece: string): void {
      const text = rest + piece;
      let start = 0;
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
        take(text.slice(start, end));
        start = end + 1;
      }
      rest = text.slice(start);
    },
    /** @returns lines */
    end(): number {
      if (rest !== "") take(rest);
      return lines;
    },
  };
}

const damaged = (path: string, what: string, cause?: unknown): UserError =>
  new UserError(`${path}: ${what}`, "Unpack METEOR's files again.", { cause });

/** undefined where a word is not among them, which is mostly told by the first. */
function known(line: string, words: ReadonlySet<string>): string[] | undefined {
  const end = line.indexOf(" ");
  if (end > 0 && !words.has(line.slice(0, end))) return undefined;
  const phrase = javaWords(line);
  return phrase.length > 0 && phrase.every((word) => words.has(word)) ? phrase : undefined;
}
