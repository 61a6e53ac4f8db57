/** The grammar as a parser: whether a text is grammatical, and what it says. */
import { type Form, forms, mayFollow } from "./grammar.js";
import { clauseAt, type Found, type Statement } from "./phrases.js";

/** Every way to read one sentence that begins at `start`; the grammar has at most one. */
export function sentencesAt(words: readonly string[], start: number): Found<Statement[]>[] {
  const found: Found<Statement[]>[] = [];
  for (const first of clausesAt(words, start, (form) => form.opens)) {
    if (words[first.end] === ".") found.push({ value: [first.statement], end: first.end + 1 });
    if (words[first.end] !== "and") continue;
    for (const second of clausesAt(words, first.end + 1, (form) => mayFollow(first.form, form))) {
      if (words[second.end] !== ".") continue;
      found.push({ value: [first.statement, second.statement], end: second.end + 1 });
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

/** What a grammatical caption says; undefined when one of its sentences is none. */
export function parseCaption(words: readonly string[]): Statement[] | undefined {
  const statements: Statement[] = [];
  let next = 0;
  while (next < words.length) {
    const sentence = sentencesAt(words, next)[0];
    if (sentence === undefined) return undefined;
    statements.push(...sentence.value);
    next = sentence.end;
  }
  return words.length === 0 ? undefined : statements;
}

export function isGrammatical(words: readonly string[]): boolean {
  return parseCaption(words) !== undefined;
}
