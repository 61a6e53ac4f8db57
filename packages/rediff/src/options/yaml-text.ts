/** YAML that people give us, read within bounds: an alias may stand for itself, or ten of them for a billion values. */
import { Composer, type Document, isNode, isScalar, Lexer, LineCounter, Parser, visit } from "yaml";
import { UserError } from "../errors.js";

export interface YamlText {
  document: Document;
  lines: LineCounter;
  /** null for an empty text. */
  value: unknown;
}

/** Deeper than what anybody writes, and within what the parser's stack holds. */
const MOST_DEPTH = 50;

/** Words, signs and line ends. The parser makes some hundred bytes of each, and for each that is wrong an error, before the
 *  first can be told. A mixture of four thousand files has as many. */
const MOST_PIECES = 2 ** 16;

/** @param file how messages call the text
 *  @throws UserError with the line, when it is no YAML or goes beyond the bounds */
export function parseYaml(text: string, file: string): YamlText {
  let pieces = 0;
  for (const piece of new Lexer().lex(text)) {
    pieces += 1 + escapesIn(piece);
    if (pieces > MOST_PIECES)
      throw new UserError(`${file}: it has more than ${MOST_PIECES} words and signs, and is no text that is read here`);
  }
  const lines = new LineCounter();
  const document = within(
    () => file,
    () => withoutStacks(() => onlyDocument(text, lines, file)),
  );
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const [at] = problem.pos;
    throw new UserError(`${file}:${lines.linePos(at).line}: ${wordsOf(problem.message)}`);
  }
  const aliasAt = () => {
    const at = firstAlias(document);
    return at === undefined ? file : `${file}:${lines.linePos(at).line}`;
  };
  within(
    () => file,
    () => assertKeys(document, (at) => `${file}:${lines.linePos(at).line}`),
  );
  const value: unknown = within(aliasAt, () => document.toJS());
  if (isDeep(value, MOST_DEPTH))
    throw new UserError(
      `${aliasAt()}: it is nested more than ${MOST_DEPTH} deep, or an alias (*) is within what it stands for`,
    );
  return { document, lines, value };
}

/** Each may be a mistake of its own. */
const escapesIn = (piece: string): number => (piece.startsWith('"') ? piece.split("\\").length - 1 : 0);

/** As the library's own parse(), which passes over what stands behind the first document. */
function onlyDocument(text: string, lines: LineCounter, file: string): Document {
  // Whether a key is there twice is looked at afterwards: the library compares each with all others.
  const composer = new Composer({ lineCounter: lines, prettyErrors: false, logLevel: "silent", uniqueKeys: false });
  let document: Document | undefined;
  for (const next of composer.compose(new Parser(lines.addNewLine).parse(text), true, text.length)) {
    if (document !== undefined) {
      const at = next.range?.[0] ?? text.length;
      throw new UserError(
        `${file}:${lines.linePos(at).line}: a second document begins here, and one was expected`,
        "Write it as one, without ---, or into a file of its own.",
      );
    }
    document = next;
  }
  if (document === undefined) throw new UserError(`${file}: has no YAML`);
  return document;
}

/** Keys are words, each there once. The library writes one that is no word as the text of what it holds, quotes and all:
 *  fifty keys in each other, a hundred bytes, become a gigabyte. */
function assertKeys(document: Document, lineOf: (at: number) => string): void {
  const known = new WeakMap<object, Set<string>>();
  visit(document, {
    Pair(_, { key }, path) {
      const at = isNode(key) ? (key.range?.[0] ?? 0) : 0;
      if (key !== null && !isScalar(key))
        throw new UserError(`${lineOf(at)}: a key is a word, and this one is a list, an alias or keys of its own`);
      const map = path.at(-1);
      if (map === undefined) return;
      const keys = known.get(map) ?? new Set();
      const name = String(key?.value ?? "");
      if (keys.has(name)) throw new UserError(`${lineOf(at)}: ${name.slice(0, 60)}: the key is there twice`);
      known.set(map, keys.add(name));
    },
  });
}

/** The place of the first alias in the text. */
function firstAlias(document: Document): number | undefined {
  let at: number | undefined;
  visit(document, {
    Alias(_, alias) {
      at = alias.range?.[0];
      return visit.BREAK;
    },
  });
  return at;
}

function within<T>(place: () => string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${place()}: ${wordsOf(error instanceof Error ? error.message : String(error))}`);
  }
}

/** A text of mistakes has an error for each of them, whose stacks would take most of the time and of the memory. */
function withoutStacks<T>(work: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** What the parser says, in one line. */
function wordsOf(message: string): string {
  if (/^Maximum call stack/.test(message)) return "it is nested too deep to be read";
  if (/^Excessive alias count/.test(message)) return "its aliases (*) stand for too many values";
  return message.split("\n", 1)[0] ?? message;
}

/** Values that aliases share are looked at once for each depth: sharing makes no text too large for this. */
function isDeep(value: unknown, most: number, seen = new Map<object, number>()): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (most === 0) return true;
  if ((seen.get(value) ?? Number.POSITIVE_INFINITY) <= most) return false;
  seen.set(value, most);
  return Object.values(value).some((inner) => isDeep(inner, most - 1, seen));
}
