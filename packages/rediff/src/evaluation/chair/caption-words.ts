/** Words of a caption as CHAIR counts them: NLTK's, made singular, pairs that mean one thing put together. */
import { stripPython } from "../../text/python-strip.js";
import { splitPython } from "../python/python-text.js";
import { singular } from "./singular.js";

/** Two words that stay together, as a word of the table of objects. */
const pairs = new Set([
  ..."motor bike,motor cycle,air plane,traffic light,street light,traffic signal,stop light,fire hydrant".split(","),
  ..."stop sign,parking meter,suit case,sports ball,baseball bat,baseball glove,tennis racket,wine glass,hot dog".split(
    ",",
  ),
  ..."cell phone,mobile phone,teddy bear,hair drier,potted plant,laptop computer,home plate,train track".split(","),
]);
const animals = "bird cat dog horse sheep cow elephant bear zebra giraffe animal cub".split(" ");
/** And pairs that are another word. */
const replaced = new Map<string, string>([
  ...[...pairs].map((pair) => [pair, pair] as const),
  ...animals.flatMap((animal) => ["baby", "adult"].map((age) => [`${age} ${animal}`, animal] as const)),
  ["passenger jet", "jet"],
  ["passenger train", "train"],
  ["bow tie", "tie"],
  ["toilet seat", "toilet"],
  // What "wine glass" has become by then.
  ["wine glas", "wine glass"],
]);

export interface CaptionWords {
  words: string[];
  /** Of each word, its place among the caption's words before pairs were put together. */
  places: number[];
}

export function captionWords(caption: string): CaptionWords {
  const plain = wordTokens(caption.toLowerCase()).map(singular);
  const words: string[] = [];
  const places: number[] = [];
  for (let i = 0; i < plain.length; ) {
    const pair = replaced.get(plain.slice(i, i + 2).join(" "));
    words.push(pair ?? plain[i] ?? "");
    places.push(i);
    i += pair === undefined || i + 1 >= plain.length ? 1 : 2;
  }
  return { words, places };
}

/** Abbreviations behind which a sentence goes on. */
const abbreviations = new Set(
  "mr mrs ms dr st jr sr prof gen col lt capt sgt rev vs inc co corp ltd e.g i.e u.s u.k a.m p.m d.c no".split(" "),
);

/** NLTK's word_tokenize: signs apart from words, a full stop only at the end of a sentence. */
function wordTokens(text: string): string[] {
  return sentences(text).flatMap((sentence) => {
    let rest = ` ${sentence} `;
    for (const [pattern, replacement] of signs) rest = rest.replace(pattern, replacement);
    return splitPython(rest);
  });
}

function sentences(text: string): string[] {
  const found: string[] = [];
  let start = 0;
  for (const { index, 0: end } of text.matchAll(/[.!?]["')\]]*(?=\s)/g)) {
    const word = /(\S+)$/.exec(text.slice(start, index))?.[1] ?? "";
    if (end.startsWith(".") && (abbreviations.has(word) || /^[a-z]$/.test(word) || word.endsWith(".."))) continue;
    found.push(text.slice(start, index + end.length));
    start = index + end.length;
  }
  found.push(text.slice(start));
  return found.map(stripPython).filter((sentence) => sentence !== "");
}

const signs: readonly (readonly [RegExp, string])[] = [
  [/([\u00ab\u201c\u2018\u201e]|`+)/g, " $1 "],
  [/^\s*"/g, "`` "],
  [/([ ([{<])("|'{2})/g, "$1 `` "],
  [/(')(?!re|ve|ll|m|t|s|d|n)(\w)(?=\W|$)/gi, "$1 $2"],
  [/([\u00bb\u201d\u2019])/g, " $1 "],
  [/''/g, " '' "],
  [/"/g, " '' "],
  [/([:,])(?=\D|$)/g, " $1 "],
  [/\.{2,}/g, " $& "],
  [/[;@#$%&?!*]/g, " $& "],
  [/([^.])(\.)([\])}>"'\u00bb\u201d\u2019 ]*)\s*$/u, "$1 $2 $3 "],
  [/([^'])' /g, "$1 ' "],
  [/[\][(){}<>]/g, " $& "],
  [/--/g, " -- "],
  [/([^' ])('s|'m|'d|') /gi, "$1 $2 "],
  [/([^' ])('ll|'re|'ve|n't) /gi, "$1 $2 "],
  [/\b(can)(not)\b/gi, " $1 $2 "],
  [/\b(d)('ye)\b/gi, " $1 $2 "],
  [/\b(gim|lem)(me)\b/gi, " $1 $2 "],
  [/\b(gon|wan)(na)\b/gi, " $1 $2 "],
  [/\b(got)(ta)\b/gi, " $1 $2 "],
  [/ ('t)(is|was)\b/gi, " $1 $2 "],
];
