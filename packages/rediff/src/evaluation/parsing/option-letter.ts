/** An option's letter in free text, as today's lmms-eval finds it: several notations are looked for, the most telling
 *  one counts, and of one notation the last place. Letters are capital: a small one counts for nothing. */
import { stripPython } from "../../text/python-strip.js";
import { stripCharacters } from "../python/python-text.js";

const phrases = [
  "answer is",
  ...["correct answer is", "best answer is", "correct option is", "best option is", "choice is", "correct choice is"],
  ...["i choose", "i select", "i pick", "my choice is"],
  ...["옵션", "정답은", "답은", "답:"],
  ...["答案是", "答案为", "选"],
  "答えは",
];

/** How much each notation tells. */
const weight = {
  anywhere: 0,
  beforeBlank: 2,
  beforeBracket: 3,
  beforeColon: 4,
  beforeStop: 5,
  inBrackets: 6,
  behindPhrase: 7,
  atEnd: 9,
  atStart: 10,
} as const;

/** @returns "" where there is none */
export function optionLetter(answer: string, letters: readonly string[]): string {
  let text = stripPython(answer);
  if (text === "") return "";
  for (const sign of ",.!?;:'\"") text = stripCharacters(text, sign);
  const inner = stripPython(text);
  text = ` ${text} `;
  let best: { letter: string; tells: number; at: number } | undefined;
  const offer = (letter: string, tells: number, at: number): void => {
    if (at < 0) return;
    if (best === undefined || tells > best.tells || (tells === best.tells && at > best.at))
      best = { letter, tells, at };
  };

  for (const letter of letters) {
    offer(letter, weight.inBrackets, text.lastIndexOf(`(${letter})`));
    offer(letter, weight.beforeStop, text.lastIndexOf(`${letter}.`));
    offer(letter, weight.beforeColon, text.lastIndexOf(`${letter}:`));
    offer(letter, weight.beforeBracket, text.lastIndexOf(`${letter})`));
    offer(letter, weight.beforeBlank, text.lastIndexOf(`${letter} `));
    if (inner.startsWith(letter) && !isLetter(charAfter(inner, letter))) offer(letter, weight.atStart, 0);
    if (inner.endsWith(letter) && !isLetter(charBefore(inner, letter))) offer(letter, weight.atEnd, text.length - 1);
  }
  const lower = text.toLowerCase();
  for (const phrase of phrases) {
    const at = lower.indexOf(phrase);
    if (at < 0) continue;
    for (const letter of letters) offer(letter, weight.behindPhrase, text.indexOf(letter, at + phrase.length));
  }
  if (best === undefined) for (const letter of letters) offer(letter, weight.anywhere, text.lastIndexOf(letter));
  return best?.letter ?? "";
}

const charAfter = (text: string, letter: string): string => [...text.slice(letter.length, letter.length + 2)][0] ?? "";
const charBefore = (text: string, letter: string): string => [...text.slice(0, -letter.length)].at(-1) ?? "";
const isLetter = (character: string): boolean => /\p{L}/u.test(character);
