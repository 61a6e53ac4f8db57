/** How CapMAS reads "0. A) a cup" line by line: numbers and answers are pieces in turn, of which every second is an
 *  answer. A sentence with a full stop inside an answer shifts all that follows. */
import { stripPython } from "../../text/python-strip.js";

export function secondPieces(reply: string): string[] {
  return stripPython(reply.replaceAll("\n\n", "\n"))
    .replaceAll(". ", "\n")
    .split("\n")
    .map((line) => line.split(")")[0] ?? "")
    .filter((_, i) => i % 2 === 1);
}
