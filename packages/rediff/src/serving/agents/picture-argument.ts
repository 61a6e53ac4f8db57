/** The picture of a tool's call: a path, an address or base64, to the bytes of a file, within the limits. Decoding is left to
 *  processes of their own. */
import { z } from "zod";
import { codedAs, UserError } from "../../errors.js";
import { readRegular } from "../../files/regular-file.js";
import { parseDataUrl } from "../../vision/data-url.js";
import { fetchPicture } from "../media/fetch-picture.js";
import type { AllowedFolders } from "./allowed-folders.js";

export interface PictureLimits {
  folders: AllowedFolders;
  /** Fetch http(s) pictures, from public addresses. */
  allowUrls: boolean;
  /** Bytes of a file. */
  maxBytes: number;
  fetchTimeoutMs: number;
}

/** Exactly one of them. */
export const pictureFields = {
  path: z.string().optional().describe("Path of a picture file, in a folder that the server may read."),
  url: z.string().optional().describe("http(s) or data: URL of a picture. http(s) only where the server allows it."),
  base64: z.string().optional().describe("The bytes of a picture file (PNG, JPEG, WebP, GIF, ...) in base64."),
};

export interface PictureFields {
  path?: string | undefined;
  url?: string | undefined;
  base64?: string | undefined;
}

/** Whether the call names any picture. @throws UserError where it names several */
export function namesPicture({ path, url, base64 }: PictureFields): boolean {
  const given = Object.entries({ path, url, base64 }).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length > 1) throw new UserError(`${given.join(" and ")} exclude each other`, "Give one picture.");
  return given.length === 1;
}

/** @throws UserError where there is none */
export function assertPicture(fields: PictureFields): void {
  if (namesPicture(fields)) return;
  throw new UserError("no picture was given", "Give one of path, url and base64.");
}

/** @throws UserError naming what is wrong with the file, or why it may not be read */
export async function pictureBytes(
  { path, url, base64 }: PictureFields,
  { folders, allowUrls, maxBytes, fetchTimeoutMs: timeoutMs }: PictureLimits,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (path !== undefined) {
    const found = await folders.find(path);
    return codedAs("unreadable_picture", () => readRegular(found, { expected: "a picture file", most: maxBytes }));
  }
  if (url !== undefined && /^\s*data:/i.test(url))
    return codedAs("unreadable_picture", () => parseDataUrl(url, "image", maxBytes));
  if (url !== undefined) {
    if (!allowUrls)
      throw new UserError(
        "this server does not fetch pictures",
        "Send the picture as base64 or as a path, or have the server started with --allow-urls.",
        { code: "url_not_allowed" },
      );
    return codedAs("unreadable_picture", () => fetchPicture(url, { maxBytes, timeoutMs, signal }));
  }
  return codedAs("unreadable_picture", () => parseDataUrl(`data:image/*;base64,${base64 ?? ""}`, "image", maxBytes));
}
