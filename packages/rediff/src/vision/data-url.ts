/** data: URLs to bytes (RFC 2397). What clients write in their own way and can mean one thing only is taken: line breaks
 *  and blanks beside them, no padding, the URL-safe alphabet, percent-encoding, no type or one that is not the picture's. Which
 *  format it is, the bytes say. Everything else is refused, also what Node's decoder would skip over. */
import { UserError } from "../errors.js";

/** @param kind for examples in errors
 *  @param maxBytes that the file may have; judged before anything is decoded
 *  @throws UserError for a text that is none */
export function parseDataUrl(
  url: string,
  kind: "image" | "video",
  maxBytes = Number.POSITIVE_INFINITY,
): Uint8Array<ArrayBuffer> {
  const example = `data:${kind}/...;base64,...`;
  const match = /^\s*data:([^,]{0,1000}),/i.exec(url);
  if (match === null) {
    const isBare = /^[A-Za-z0-9+/_-]{40}/.test(url);
    const what = isBare ? "base64 without its beginning" : `"${clip(url)}"`;
    throw wrong(`expected ${example}, got ${what}`);
  }
  const [head, start = ""] = match;
  const data = url.slice(head.length);
  const isBase64 = start.split(";").some((piece) => piece.trim().toLowerCase() === "base64");
  if (!isBase64 && !data.includes("%")) throw wrong(`expected ${example}, got "${clip(head)}..." without ;base64`);
  // Escapes and line breaks are longer than what they stand for, so this refuses nothing that would fit.
  const least = isBase64 ? (data.replace(/%..|\s/g, "").length * 3) / 4 - 3 : data.length / 3;
  if (least > maxBytes) throw wrong(`the file is larger than ${maxBytes} bytes`);
  const bytes = isBase64 ? decodeBase64(unescaped(data)) : percentDecoded(data);
  if (bytes.length === 0) throw wrong("the data is empty");
  return bytes;
}

/** Base64 in a URL may have its + / = and line breaks escaped. */
function unescaped(text: string): string {
  if (!text.includes("%")) return text;
  return Buffer.from(percentDecoded(text)).toString("latin1");
}

function percentDecoded(text: string): Uint8Array<ArrayBuffer> {
  const bad = /%(?![0-9A-Fa-f]{2})/.exec(text);
  if (bad !== null) throw wrong(`a % at ${bad.index} is not followed by two hexadecimal digits`);
  const foreign = /[^\0-\x7f]/.exec(text);
  if (foreign !== null) throw wrong(`the character ${JSON.stringify(foreign[0])} at ${foreign.index} is none of a URL`);
  const bytes = Buffer.from(text, "latin1");
  let end = 0;
  for (let at = 0; at < bytes.length; at++) {
    const isEscape = bytes[at] === 0x25;
    bytes[end++] = isEscape ? Number.parseInt(text.slice(at + 1, at + 3), 16) : (bytes[at] as number);
    if (isEscape) at += 2;
  }
  return bytes.subarray(0, end);
}

function decodeBase64(written: string): Uint8Array<ArrayBuffer> {
  // Of a form's text, a + has become a blank: without it the picture would be another.
  const blank = /[^\s][\t ]+(?=[^\s])/.exec(written);
  if (blank !== null)
    throw wrong(`not base64: a blank at ${blank.index + 1}, where a + may have been. Encode it again`);
  const text = written.replace(/[\t\n\f\r ]+/g, "").replace(/={1,2}$/, "");
  const bad = /[^A-Za-z0-9+/_-]/.exec(text);
  if (bad !== null)
    throw wrong(`not base64: character ${JSON.stringify(bad[0])} at ${bad.index} (its alphabet is A-Z a-z 0-9 + /)`);
  // Four characters are three bytes; two and three are one and two, with bits left over that have to be zero.
  const rest = text.length % 4;
  if (rest === 1) throw wrong(`not base64: no text has ${text.length} characters of it; it is cut off`);
  const bytes = Buffer.from(text, "base64");
  const tail = text
    .slice(text.length - rest)
    .replaceAll("-", "+")
    .replaceAll("_", "/");
  if (
    rest > 0 &&
    bytes
      .subarray(bytes.length - (rest - 1))
      .toString("base64")
      .replace(/=+$/, "") !== tail
  )
    throw wrong("not base64: bits are left over at its end; it is cut off");
  return bytes;
}

const wrong = (message: string): UserError => new UserError(message);

const clip = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}...` : text);
