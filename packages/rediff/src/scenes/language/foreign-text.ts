/** Words that the world does not have, put into captions and questions: a model that sees them in training learns to leave
 *  them alone and to go by the rest. They are made up of syllables, so none is learnt by heart. */
import type { Rng } from "../world/purpose-random.js";
import { vocabulary } from "./vocabulary.js";
import { capital, joinWords, splitWords } from "./words.js";

const onsets = [
  "b",
  "c",
  "d",
  "f",
  "g",
  "h",
  "j",
  "k",
  "l",
  "m",
  "n",
  "p",
  "r",
  "s",
  "t",
  "v",
  "w",
  "z",
  "br",
  "st",
  "",
];
const nuclei = ["a", "e", "i", "o", "u", "ee", "ou", "ai", "y", "\u00e9", "\u00fc"];
const codas = ["", "", "n", "r", "s", "t", "ly", "ng", "ck"];

/** Words of a sentence. */
const lengths = [2, 3, 4];

const known = new Set(vocabulary());

function foreignWord(random: Rng): string {
  if (random.chance(0.05)) return random.pick(["7", "12", "365", "1999"]);
  for (;;) {
    const syllables = Array.from({ length: random.pick([1, 2]) }, () =>
      [random.pick(onsets), random.pick(nuclei), random.pick(codas)].join(""),
    );
    const word = syllables.join("");
    if (word.length > 1 && !known.has(word)) return random.chance(0.1) ? capital(word) : word;
  }
}

function foreignSentence(random: Rng): string[] {
  const words = Array.from({ length: random.pick(lengths) }, () => foreignWord(random));
  return [capital(words[0] ?? ""), ...words.slice(1), random.pick([".", "!"])];
}

/** A sentence before a question. */
export function foreignQuestion(question: string, random: Rng): string {
  return joinWords([...foreignSentence(random), ...splitWords(question)]);
}

export interface MixedText {
  text: string;
  /** Characters [start, end) of what was there before. */
  own: [number, number][];
}

/** A text with one word more, or a sentence between two of its own. Undefined where that would be too long.
 *  @param room for tokens: one for each word, and one for each byte of what is not known */
export function foreignMixed(text: string, random: Rng, room: number): MixedText | undefined {
  const words = splitWords(text);
  const isSentence = random.chance(0.5);
  const foreign = isSentence ? foreignSentence(random) : [foreignWord(random)];
  const bytes = new TextEncoder().encode(` ${foreign.join(" ")}`).length;
  if (words.length + bytes > room) return undefined;
  const places = [...words.keys(), words.length].filter((i) =>
    isSentence ? i === 0 || words[i - 1] === "." : i > 0 && /^\p{L}/u.test(words[i] ?? ""),
  );
  if (places.length === 0) return undefined;
  const at = random.pick(places);
  const before = joinWords(words.slice(0, at));
  const whole = joinWords([...words.slice(0, at), ...foreign]);
  const mixed = joinWords([...words.slice(0, at), ...foreign, ...words.slice(at)]);
  const own: [number, number][] = [
    [0, before.length],
    [whole.length, mixed.length],
  ];
  return { text: mixed, own: own.filter(([start, end]) => start < end) };
}
