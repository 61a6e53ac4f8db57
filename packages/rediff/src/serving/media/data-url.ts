/** data: URLs to bytes (RFC 2397), base64 only and taken strictly: what Node's decoder would skip over is an error. */

import { ApiError, clip } from "../http/error-object.js";

export interface DataUrl {
  /** "image/png", in small letters. */
  type: string;
  bytes: Uint8Array;
}

/** @param param names the field in errors */
export function parseDataUrl(url: string, kind: "image" | "video", param: string): DataUrl {
  const comma = url.indexOf(",");
  const head = comma < 0 ? "" : url.slice(0, comma);
  const match = /^data:([a-z]+\/[a-z0-9.+-]+)((?:;[a-z0-9-]+=[^;,]*)*);base64$/i.exec(head);
  if (match === null) {
    throw wrong(param, `expected data:${kind}/...;base64,..., got "${clip(url, 40)}"`);
  }
  const type = (match[1] ?? "").toLowerCase();
  if (!type.startsWith(`${kind}/`)) throw wrong(param, `expected ${kind}/..., got ${type}`);
  const base64 = url.slice(comma + 1);
  if (base64 === "") throw wrong(param, "the data is empty");
  return { type, bytes: decodeBase64(base64, param) };
}

function decodeBase64(text: string, param: string): Uint8Array {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bad = /[^A-Za-z0-9+/]/.exec(padding === 0 ? text : text.slice(0, -padding));
  if (bad !== null)
    throw wrong(
      param,
      `not base64: character ${JSON.stringify(bad[0])} at ${bad.index} (its alphabet is A-Z a-z 0-9 + /)`,
    );
  if (text.length % 4 !== 0)
    throw wrong(param, `not base64: ${text.length} characters are no multiple of 4; it is cut off`);
  const bytes = Buffer.from(text, "base64");
  // The bits that padding leaves over have to be zero, else two texts mean the same bytes.
  const tail = text.slice(-4);
  if (padding > 0 && bytes.subarray(bytes.length - (3 - padding)).toString("base64") !== tail)
    throw wrong(param, "not base64: bits are left over at its end");
  return bytes;
}

function wrong(param: string, message: string): ApiError {
  return new ApiError(400, `${param}: ${message}`, { param, code: "invalid_data_url" });
}
