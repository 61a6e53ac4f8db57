/** Templates: text with blanks. `[[N]]` is a blank of N tokens, `\[[` stands for the brackets themselves.
 *
 *  A backslash means something directly before `[[` only, where two of them are one; anywhere else it is itself. Of
 *  more than two brackets the last two open the blank. */
import { OptionError } from "../../errors.js";

export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  /** So many tokens to be filled in. */
  | { readonly kind: "blank"; readonly tokens: number };

/** Texts are not empty and no two follow each other; blanks may. */
export type Template = readonly TemplatePart[];

/** Of all blanks together: LLaDA's positions. What a model has room for is judged when it is known. */
const MOST_TOKENS = 16384;

/** @throws UserError with the offset (in UTF-16 units, from 0) of what is no blank, or when there is none */
export function parseTemplate(source: string): Template {
  const parts: TemplatePart[] = [];
  let text = "";
  let total = 0;
  let at = 0;
  for (;;) {
    const open = source.indexOf("[[", at);
    if (open < 0) break;
    let slashes = 0;
    while (open - slashes > at && source[open - slashes - 1] === "\\") slashes++;
    text += source.slice(at, open - slashes) + "\\".repeat(slashes >> 1);
    if (slashes % 2 === 1) {
      text += "[[";
      at = open + 2;
      continue;
    }
    at = open + 2;
    for (; source[at] === "["; at++) text += "[";
    const tokens = blankAt(source, at);
    total += tokens;
    if (total > MOST_TOKENS)
      throw new OptionError(
        "template",
        `the template's blanks have more than ${MOST_TOKENS} tokens at offset ${at - 2}`,
      );
    if (text !== "") parts.push({ kind: "text", text });
    parts.push({ kind: "blank", tokens });
    text = "";
    at = source.indexOf("]]", at) + 2;
  }
  text += source.slice(at);
  if (text !== "") parts.push({ kind: "text", text });
  if (total === 0)
    throw new OptionError(
      "template",
      "the template has no blank",
      "Write [[N]] where N tokens are to be filled in: A [[2]] sleeps.",
    );
  return parts;
}

/** The number behind `[[`. */
function blankAt(source: string, at: number): number {
  const pattern = /(\d+)\]\]/y;
  pattern.lastIndex = at;
  const [, digits] = pattern.exec(source) ?? [];
  const tokens = Number(digits);
  if (digits !== undefined && tokens >= 1 && tokens <= MOST_TOKENS) return tokens;
  const found = /^[^\s[\]]{0,12}\]{0,2}/.exec(source.slice(at, at + 14))?.[0] ?? "";
  throw new OptionError(
    "template",
    `"[[${found}" at offset ${at - 2} of the template is no blank`,
    `Write [[N]] with N from 1 to ${MOST_TOKENS} tokens, or \\[[ for the brackets themselves.`,
  );
}
