/** Words as Python's str.split() counts them: its white space is not JavaScript's (U+001C..U+001F and U+0085 belong to
 *  it, U+FEFF does not). A loop rather than a regular expression, because every word of a data set goes through it. */
export function countWords(text: string): number {
  let words = 0;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const blank = isBlank(text.charCodeAt(i));
    if (!blank && !inside) words++;
    inside = !blank;
  }
  return words;
}

function isBlank(code: number): boolean {
  if (code <= 0x20) return code === 0x20 || (code >= 0x09 && code <= 0x0d) || code >= 0x1c;
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  if (code <= 0x200a) return code >= 0x2000 || code === 0x1680;
  return code === 0x2028 || code === 0x2029 || code === 0x202f || code === 0x205f || code === 0x3000;
}
