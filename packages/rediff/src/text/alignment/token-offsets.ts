/** Where each token of a text begins that decoding made: for texts that are nothing but their tokens. */
import type { Tokenizer } from "../tokenizer.js";
import { unitsOfBytes } from "./byte-level.js";

/** Start of every token in the decoded text, and the text's length at the end: [ids.length + 1].
 *  A token that holds only a part of a character begins where that character does. */
export function tokenOffsets(tokenizer: Tokenizer, ids: ArrayLike<number>, text: string): number[] {
  const all = Array.from(ids);
  const offsets = tokenizer.stages.isByteLevel ? offsetsOfBytes(tokenizer, all, text) : offsetsOfPairs(tokenizer, all);
  return offsets.length === all.length + 1 && offsets.at(-1) === text.length
    ? offsets
    : offsetsOfPrefixes(tokenizer, all, text);
}

function offsetsOfBytes({ stages, token }: Tokenizer, ids: readonly number[], text: string): number[] {
  const units = unitsOfBytes(text);
  const added = new Set([...stages.controls, ...stages.wholes]);
  let byte = 0;
  const offsets = [0];
  for (const id of ids) {
    const spelling = token(id) ?? "";
    byte += added.has(spelling) ? unitsOfBytes(spelling).length : spelling.length;
    offsets.push(byte === units.length ? text.length : (units[byte] ?? Number.NaN));
  }
  return offsets;
}

/** Decoding sets spaces by a token and the one before it. */
function offsetsOfPairs(tokenizer: Tokenizer, ids: readonly number[]): number[] {
  const offsets = [0];
  let [at, last] = [0, ""];
  for (const [i, id] of ids.entries()) {
    const previous = ids[i - 1];
    at += tokenizer.decode(previous === undefined ? [id] : [previous, id]).length - last.length;
    last = tokenizer.decode([id]);
    offsets.push(at);
  }
  return offsets;
}

/** By decoding every beginning: for texts with broken characters, whatever it costs. */
function offsetsOfPrefixes(tokenizer: Tokenizer, ids: readonly number[], text: string): number[] {
  const offsets = [0];
  for (let i = 1; i < ids.length; i++)
    offsets.push(Math.max(offsets[i - 1] as number, commonPrefix(tokenizer.decode(ids.slice(0, i)), text)));
  offsets.push(text.length);
  return offsets;
}

function commonPrefix(a: string, b: string): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}
