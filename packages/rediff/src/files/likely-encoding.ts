/** Guesses at what bytes are that are not UTF-8, for messages only: nothing is ever decoded by them. */

export interface LikelyEncoding {
  /** In words. */
  name: string;
  /** As iconv calls it; undefined where several are possible: taking the wrong one makes other words, without an error. */
  iconv: string | undefined;
}

/** Encodings of two or four bytes for every character, which the start of a text tells: by a mark, or by zeros. */
export function wideEncoding(start: Uint8Array): LikelyEncoding | undefined {
  const name = byMark(start) ?? byZeros(start.subarray(0, 64));
  return name === undefined ? undefined : { name, iconv: name };
}

function byMark([a, b, c, d]: Uint8Array): string | undefined {
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? "UTF-32LE" : "UTF-16LE";
  if (a === 0xfe && b === 0xff) return "UTF-16BE";
  return a === 0 && b === 0 && c === 0xfe && d === 0xff ? "UTF-32BE" : undefined;
}

/** Letters of ASCII in two bytes have every other byte zero, in four three of them. */
function byZeros(start: Uint8Array): string | undefined {
  const pairs = start.length >> 1;
  if (pairs < 2) return undefined;
  const isLetterAt = (remainder: number) => start.every((byte, i) => (i % 4 === remainder) === (byte !== 0));
  if (start.length >= 8 && isLetterAt(0)) return "UTF-32LE";
  if (start.length >= 8 && isLetterAt(3)) return "UTF-32BE";
  let [even, odd] = [0, 0];
  for (let i = 0; i < 2 * pairs; i += 2) {
    if (start[i] === 0) even++;
    if (start[i + 1] === 0) odd++;
  }
  if (odd === pairs && even === 0) return "UTF-16LE";
  return even === pairs && odd === 0 ? "UTF-16BE" : undefined;
}

const western: LikelyEncoding = { name: "Windows-1252 (Latin-1)", iconv: "WINDOWS-1252" };

/** Label of the Encoding Standard, in words, as iconv calls it. */
const eastAsian: readonly [label: string, name: string, iconv: string][] = [
  ["gb18030", "GB18030 (GBK)", "GB18030"],
  ["shift_jis", "Shift_JIS", "SHIFT_JIS"],
  ["big5", "Big5", "BIG5"],
  ["euc-kr", "EUC-KR", "EUC-KR"],
];

/** Encodings of a language or two, of a piece of text: bytes of 0x80 and more that stand alone are letters of western
 *  Europe, those in pairs characters of East Asia. Undefined when nothing speaks for any. */
export function legacyEncoding(text: Uint8Array): LikelyEncoding | undefined {
  let [high, alone, letters] = [0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const byte = text[i] ?? 0;
    if (byte < 0x80) continue;
    high++;
    if (byte >= 0xc0) letters++;
    const isAlone = (text[i - 1] ?? 0) < 0x80 && (text[i + 1] ?? 0) < 0x80;
    // Letters, and the quotes and dashes of Windows; the rest of 0x80 to 0x9f is seldom written there.
    if (isAlone && (byte >= 0xa0 || byte === 0x85 || (byte >= 0x91 && byte <= 0x97))) alone++;
  }
  if (high === 0) return undefined;
  if (alone / high > 0.5) return western;
  const possible = eastAsian
    .filter(([label]) => decodes(label, text))
    .map(([, name, iconv]): LikelyEncoding => ({ name, iconv }));
  // Two letters with accents beside each other ("Größe") are a character elsewhere.
  if (letters === high) possible.unshift(western);
  const [first, ...others] = possible;
  if (first === undefined || others.length === 0) return first;
  return { name: possible.map(({ name }) => name).join(" or "), iconv: undefined };
}

function decodes(label: string, text: Uint8Array): boolean {
  try {
    new TextDecoder(label, { fatal: true }).decode(text, { stream: true });
    return true;
  } catch {
    return false; // also where Node was built with few encodings
  }
}
