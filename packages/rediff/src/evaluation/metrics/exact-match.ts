/** Equality of texts, with what may be left out of account. */
import { pythonLength, withoutPunctuation } from "../python/python-text.js";

export interface ExactMatchOptions {
  ignoreCase?: boolean;
  /** ASCII signs only. */
  ignorePunctuation?: boolean;
  ignoreNumbers?: boolean;
}

export function isExactMatch(answer: string, target: string, options: ExactMatchOptions = {}): boolean {
  const plain = (text: string): string => {
    // The original compares arrays of numpy, whose texts have no zeros at their ends.
    let rest = text.replace(/\0+$/, "");
    // Nor do they grow: a letter whose small form has two characters keeps the first.
    if (options.ignoreCase) rest = [...rest.toLowerCase()].slice(0, pythonLength(rest)).join("");
    if (options.ignorePunctuation) rest = withoutPunctuation(rest);
    return options.ignoreNumbers ? rest.replace(/[0-9]/g, "") : rest;
  };
  return plain(answer) === plain(target);
}
