/** Byte-level vocabularies (GPT-2's, LLaDA's): a token is spelt with one sign for each byte of its UTF-8. */

/** Of each byte. */
export const BYTE_SIGNS: readonly string[] = byteSigns();

const byteOf = new Map(BYTE_SIGNS.map((sign, byte) => [sign, byte]));

/** Printable bytes stand for themselves, the others are signs from U+0100 on. */
function byteSigns(): string[] {
  let spare = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(isPrintable ? byte : spare++);
  });
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The bytes of a token's spelling. */
export const bytesOf = (signs: string): Uint8Array => Uint8Array.from(signs, (sign) => byteOf.get(sign) ?? 0);

/** A text as tokens are spelt. */
export const signsOf = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => BYTE_SIGNS[byte] ?? "").join("");

/** The text of whole tokens. */
export function textOfBytes(signs: string): string {
  return utf8.decode(bytesOf(signs));
}

/** Whether a token begins inside a character. */
export function beginsInside(token: string): boolean {
  const byte = byteOf.get(token.charAt(0)) ?? 0;
  return byte >= 0x80 && byte < 0xc0;
}

/** For each byte of the text's UTF-8 the UTF-16 unit at which its character begins. Half a surrogate pair has three
 *  bytes, as encoders write it. */
export function unitsOfBytes(text: string): number[] {
  const units: number[] = [];
  for (let unit = 0; unit < text.length; ) {
    const code = text.codePointAt(unit) as number;
    for (let bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; bytes > 0; bytes--) units.push(unit);
    unit += code < 0x10000 ? 1 : 2;
  }
  return units;
}
