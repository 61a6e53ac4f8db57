/** The grammar as a parser: whether a text is grammatical, and what it says. */
import { type Form, forms, joint, mayFollow } from "./grammar.js";
import { clauseAt, type Found, type Statement, type WordSpan } from "./phrases.js";
import { lowered, wellCased } from "./words.js";

/** What a text says, and in which words: a span for each statement. */
export interface Said {
  statements: Statement[];
  spans: WordSpan[];
}

/** Every way to read one sentence that begins at `start`; the grammar has at most one.
 *  @param words in lower case: capitals are for `wellCased` to judge */
export function sentencesAt(words: readonly string[], start: number): Found<Said>[] {
  const found: Found<Said>[] = [];
  for (const first of clausesAt(words, start, (form) => form.opens)) {
    const opening = { start, end: first.end };
    if (words[first.end] === ".")
      found.push({ value: { statements: [first.statement], spans: [opening] }, end: first.end + 1 });
    const between = [["and"], [",", "and"]].find((some) => some.every((word, i) => words[first.end + i] === word));
    if (between === undefined) continue;
    const behind = first.end + between.length;
    const fits = (form: Form) => mayFollow(first.form, form) && joint(form).length === between.length;
    for (const second of clausesAt(words, behind, fits)) {
      if (words[second.end] !== ".") continue;
      const joined = { start: behind, end: second.end };
      const value = { statements: [first.statement, second.statement], spans: [opening, joined] };
      found.push({ value, end: second.end + 1 });
    }
  }
  return found;
}

function clausesAt(words: readonly string[], start: number, allows: (form: Form) => boolean) {
  return forms.filter(allows).flatMap((form) => {
    const found = clauseAt(words, start, form, true);
    return found === undefined ? [] : [{ form, statement: found.value, end: found.end }];
  });
}

/** What a grammatical caption says, and where; undefined when one of its sentences is none. */
export function parsePlaced(typed: readonly string[]): Said | undefined {
  if (!wellCased(typed, 0, typed.length)) return undefined;
  const words = lowered(typed);
  const said: Said = { statements: [], spans: [] };
  let next = 0;
  while (next < words.length) {
    const sentence = sentencesAt(words, next)[0];
    if (sentence === undefined) return undefined;
    said.statements.push(...sentence.value.statements);
    said.spans.push(...sentence.value.spans);
    next = sentence.end;
  }
  return words.length === 0 ? undefined : said;
}

/** What a grammatical caption says; undefined when one of its sentences is none. */
export function parseCaption(words: readonly string[]): Statement[] | undefined {
  return parsePlaced(words)?.statements;
}

export function isGrammatical(words: readonly string[]): boolean {
  return parseCaption(words) !== undefined;
}
