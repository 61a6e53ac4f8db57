/** What is to be said of a text that was typed: words that the model cannot read, `<image>` that places no picture. */

import { printable } from "../../printable.js";
import type { UnreadText } from "../../text/alignment/aligned-text.js";
import { splitMarkers } from "../../text/image-markers.js";

/** Of `<image>` in a question, where it is not once there for each picture; undefined where there is nothing to say. */
export function markerNote(question: string | undefined, pictures: number): string | undefined {
  const markers = splitMarkers(question ?? "").filter((part) => part === null).length;
  if (markers === 0 || pictures === 0 || markers === pictures) return undefined;
  return `${markers} <image> for ${pictures === 1 ? "1 picture" : `${pictures} pictures`}: taken for words; pictures come first`;
}

/** A key of JSON, where there is anything to say. */
export const namedPromptUnread = (unread: readonly UnreadText[]) =>
  unread.length > 0 ? { prompt_unread: unread } : {};

const NAMED = 8;

/** On one line: "the model cannot read "zebra", ..." */
export function unreadNote(unread: readonly UnreadText[]): string {
  const words = [...new Set(unread.map(({ text }) => text))];
  const named = words.slice(0, NAMED).map((word) => printable(JSON.stringify(word.slice(0, 40))));
  const more = words.length > NAMED ? ` and ${words.length - NAMED} more` : "";
  return `the model cannot read ${named.join(", ")}${more}`;
}
