/** Names what a model cannot read, on one line. */
import type { UnreadText } from "../../text/alignment/aligned-text.js";
import { printable } from "./printable.js";

const NAMED = 8;

/** "the model cannot read "zebra", ..." */
export function unreadNote(unread: readonly UnreadText[]): string {
  const words = [...new Set(unread.map(({ text }) => text))];
  const named = words.slice(0, NAMED).map((word) => printable(JSON.stringify(word.slice(0, 40))));
  const more = words.length > NAMED ? ` and ${words.length - NAMED} more` : "";
  return `the model cannot read ${named.join(", ")}${more}`;
}
