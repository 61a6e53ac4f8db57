/** MMBench's way to a letter: a word that is a letter, a word that is one with a sign, then an option's text. */
import { splitPython } from "../python/python-text.js";

/** E is what the judge answers where no option fits. */
const letters = ["A", "B", "C", "D", "E"];

/** Signs around a letter, X standing for it; each asks for one letter alone. */
const marks = ["X.", "X,", "X:", "X)", "X).", "(X)", "(X).", ":X", ":X,", ":X.", ":X)", ":X)."];

/** The letter that stands as a word; "A" among more than three words may be an article. */
export function letterWord(answer: string): string | undefined {
  const words = splitPython(answer);
  const only = (mark: string): string | undefined => {
    const [first, ...others] = letters.filter((letter) => words.includes(mark.replace("X", letter)));
    return others.length > 0 ? undefined : first;
  };
  const bare = only("X");
  if (bare !== undefined && !(words.includes("A") && words.length > 3)) return bare;
  for (const mark of marks) {
    const letter = only(mark);
    if (letter !== undefined) return letter;
  }
  return undefined;
}

/** @param options texts by letter */
export function circularLetter(answer: string, options: Readonly<Record<string, string>>): string | undefined {
  const letter = letterWord(answer);
  if (letter !== undefined) return letter;
  const lower = answer.toLowerCase();
  const named = Object.keys(options).filter((key) => lower.includes((options[key] ?? "").toLowerCase()));
  return named.length === 1 ? named[0] : undefined;
}
