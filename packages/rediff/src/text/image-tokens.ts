/** Text with `<image>` to ids with placeholders for pictures.
 *
 *  The text is cut at the literal `<image>`, every chunk is encoded on its own, and the chunks are joined with -200,
 *  which the model later replaces with the features of the next picture (or video). */
import { OptionError } from "../errors.js";
import type { Tokenizer } from "./tokenizer.js";

export const imageToken = "<image>";
/** Stands for one picture in a sequence of ids. */
export const imagePlaceholder = -200;
/** A label that is not learnt. */
export const ignoredLabel = -100;

/** `legacy`: as the reference's inference. It takes a BOS at the start for a sign that the tokenizer adds BOS to every
 *  chunk and removes the first token of each later one; this tokenizer adds none, so a real token is lost after every
 *  picture (the newline of "<image>\nQuestion"). Published results were measured so. `correct` keeps every token, as
 *  training does. */
export type ImageJoin = "legacy" | "correct";

/** Ids of a rendered prompt. With `images`, throws an OptionError unless there are as many placeholders as pictures. */
export function encodePrompt(
  tokenizer: Tokenizer,
  prompt: string,
  options: { join: ImageJoin; images?: number },
): number[] {
  const chunks = prompt.split(imageToken).map((chunk) => tokenizer.encode(chunk));
  if (options.images !== undefined) checkImageCount(chunks.length - 1, options.images);
  return joinChunks(tokenizer, chunks, options.join);
}

/** Ids of what lies between pictures, with a placeholder for each of those. */
export function joinChunks(tokenizer: Tokenizer, chunks: readonly number[][], join: ImageJoin): number[] {
  const dropFirst = join === "legacy" && chunks[0]?.[0] === tokenizer.special.bos;
  return chunks.flatMap((ids, index) => (index === 0 ? ids : [imagePlaceholder, ...(dropFirst ? ids.slice(1) : ids)]));
}

function checkImageCount(markers: number, images: number): void {
  if (markers === images) return;
  const pictures = images === 1 ? "1 picture" : `${images} pictures`;
  throw new OptionError(
    "prompt",
    `the prompt has ${markers} ${imageToken} for ${pictures}`,
    `Write ${imageToken} once for each picture, or leave it out: then all pictures come first`,
  );
}
