/** What can be wrong with a picture file, each in one line. */

import { option, UserError, wording } from "../../errors.js";
import { type MistakenKind, mistakenFile } from "../../files/mistaken-file.js";
import { describeContent, PICTURE_FORMATS, type PictureFormat } from "./picture-header.js";

/** Throws a UserError when the header promises more pixels than are allowed. */
export function refuseHuge(name: string, width: number, height: number, maxPixels: number): void {
  if (width * height <= maxPixels) return;
  throw new UserError(
    `${name}: ${width} x ${height} pixels; at most ${maxPixels} are decoded`,
    wording`Shrink the picture, or raise ${option("maxPixels")} if you trust the file`,
  );
}

/** What stands in a picture's place when it was not downloaded: nothing that could be converted. */
const instead: readonly MistakenKind[] = ["git-lfs pointer", "html page", "error message"];

export function noPicture(name: string, head: Uint8Array): UserError {
  const mistaken = mistakenFile(head);
  if (mistaken !== undefined && instead.includes(mistaken.kind))
    return new UserError(`${name}: is ${mistaken.what}; expected ${PICTURE_FORMATS}`, mistaken.hint);
  return new UserError(
    `${name}: looks like ${describeContent(head)}; expected ${PICTURE_FORMATS}`,
    "Convert it, or name another file",
  );
}

/** Characters; a decoder may say the same thing for every block. */
const MOST_REASON = 200;

export function damaged(name: string, format: PictureFormat, cause: unknown): UserError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const why =
    message
      .replace(/\s+/g, " ")
      .replace(/^Input buffer has corrupt header:/, "")
      .trim()
      .slice(0, MOST_REASON) || "bad header";
  return new UserError(
    `${name}: the ${format.toUpperCase()} file is truncated or damaged (${why})`,
    "Copy or download it again",
    { cause },
  );
}
