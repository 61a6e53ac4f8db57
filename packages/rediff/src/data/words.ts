/** Words as Python's str.split() counts them: its white space is not JavaScript's (U+001C..U+001F and U+0085 belong to
 *  it, U+FEFF does not). */
const controls = "\\t\\n\\v\\f\\r\\x1c-\\x1f\\x85";
const spaces = " \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const word = new RegExp(`[^${controls}${spaces}]+`, "g");

export function countWords(text: string): number {
  return text.match(word)?.length ?? 0;
}
