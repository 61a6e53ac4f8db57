/** CHAIR: objects that captions name and pictures have not. The longer a caption, the more of them: its length belongs to
 *  the score. */
import { captionWords } from "./caption-words.js";

/** From every word for an object to the object's name. */
export type ObjectNames = ReadonlyMap<string, string>;

/** One line for each object, its name first, then other words for it. Words are separated by a comma and one blank: where
 *  there are two blanks, the second belongs to the word, which is then never found. */
export function parseSynonyms(table: string): ObjectNames {
  const names = new Map<string, string>();
  for (const line of table.split("\n")) {
    const [name = "", ...others] = line.trim().split(", ");
    if (name === "") continue;
    // A word of two lines belongs to the later one.
    for (const word of [name, ...others]) names.set(word, name);
  }
  return names;
}

export interface Mention {
  word: string;
  object: string;
  /** Among the caption's words before pairs were put together. */
  place: number;
}

export function mentionsIn(caption: string, names: ObjectNames): { words: string[]; mentions: Mention[] } {
  const { words, places } = captionWords(caption);
  // A toilet's seat is no chair.
  const hasToilet = words.includes("toilet");
  const mentions = words.flatMap((word, i) => {
    const object = names.get(word);
    return object === undefined || (hasToilet && word === "seat") ? [] : [{ word, object, place: places[i] ?? i }];
  });
  return { words, mentions };
}

/** What is in a picture: what segments say, and what people said of it. */
export function objectsIn(segments: readonly string[], captions: readonly string[], names: ObjectNames): Set<string> {
  const drawn = segments.map((name) => names.get(name) ?? name);
  const told = captions.flatMap((caption) => mentionsIn(caption, names).mentions.map(({ object }) => object));
  return new Set([...drawn, ...told]);
}

export interface ChairScores {
  /** Captions with an object that is not there. */
  captions: number;
  /** Mentions of such objects, of all mentions; each counts. */
  mentions: number;
  /** Objects found, of those that are there. */
  recall: number;
}

export interface Described {
  /** In the order of the caption, as often as it names them. */
  objects: readonly string[];
  truth: ReadonlySet<string>;
}

/** Shares of 1; 0 where nothing was named or nothing is there. */
export function chairScores(captions: readonly Described[]): ChairScores {
  const add = (count: (caption: Described) => number): number =>
    captions.reduce((sum, caption) => sum + count(caption), 0);
  const wrong = ({ objects, truth }: Described): number => objects.filter((object) => !truth.has(object)).length;
  const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
  return {
    captions: ratio(
      add((caption) => Number(wrong(caption) > 0)),
      captions.length,
    ),
    mentions: ratio(
      add(wrong),
      add(({ objects }) => objects.length),
    ),
    recall: ratio(
      add(({ objects, truth }) => [...new Set(objects)].filter((object) => truth.has(object)).length),
      add(({ truth }) => truth.size),
    ),
  };
}
