/** What stands behind the last "Answer:". */
import { stripPython } from "../../text/python-strip.js";
import { stripCharacters } from "../python/python-text.js";

/** As the fork reads it, behind the last colon of all: "Answer: 10:30" is 30, and a "Reason: ..." that follows is the answer.
 *  @returns undefined where there is none */
export function behindLastColon(text: string): string | undefined {
  const plain = text.replaceAll("*", "");
  const at = plain.lastIndexOf("Answer:");
  if (at < 0) return undefined;
  return trimmed(plain.slice(plain.lastIndexOf(":") + 1));
}

/** The line behind it, or the next one that has something; colons belong to it. */
export function finalAnswer(text: string): string | undefined {
  const plain = text.replaceAll("*", "");
  const at = plain.lastIndexOf("Answer:");
  if (at < 0) return undefined;
  const [line = ""] = stripPython(plain.slice(at + "Answer:".length)).split("\n");
  return trimmed(line);
}

const trimmed = (text: string): string => stripCharacters(stripPython(text), "., ");
