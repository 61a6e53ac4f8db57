/** Options of a question under letters, and the sentences that ask for one. */

export const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

export const letterOf = (index: number): string => LETTERS.charAt(index);

export const lettersFor = (options: readonly unknown[]): string[] => [...LETTERS.slice(0, options.length)];

/** "A. first\nB. second" */
export const letteredLines = (options: readonly string[]): string =>
  options.map((option, i) => `${letterOf(i)}. ${option}`).join("\n");

export const ASK_FOR_LETTER = "Answer with the option's letter from the given choices directly.";
export const ASK_FOR_WORD = "Answer the question using a single word or phrase.";
