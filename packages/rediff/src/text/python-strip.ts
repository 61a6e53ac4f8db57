/** Python's str.strip(). JavaScript's trim() cuts U+FEFF as well, but not U+001C..U+001F and U+0085. */
const whitespace = new Set(
  "\t\n\v\f\r\u001c\u001d\u001e\u001f \u0085\u00a0\u1680" +
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000",
);

export function stripPython(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && whitespace.has(text.charAt(start))) start++;
  while (end > start && whitespace.has(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}
