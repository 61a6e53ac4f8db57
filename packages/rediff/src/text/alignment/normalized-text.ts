/** Which characters of a text each character of its normalised form comes from.
 *
 *  Normalisers say nothing of it, so the text is normalised atom by atom (a character with what combines with it) between
 *  two letters that hold back what is meant for a text's ends; the atoms' results, joined, have to be the whole's. Where
 *  they are not, what is equal at both ends is aligned, and what lies between as one. */

/** UTF-16 units [start, end). */
export interface Span {
  start: number;
  end: number;
}

export interface NormalizedText {
  readonly text: string;
  /** Where units [start, end) of the normalised text stand in the text that was typed. */
  origin(start: number, end: number): Span;
}

const jamo = "(?=[\\u1100-\\u11ff\\ua960-\\ua97f\\ud7b0-\\ud7ff])";
/** Combines with nothing that any normaliser knows. */
const GUARD = "q";
const atoms = new RegExp(
  `${jamo}[\\u1100-\\u115f\\ua960-\\ua97f]*[\\u1160-\\u11a7\\ud7b0-\\ud7c6]*[\\u11a8-\\u11ff\\ud7cb-\\ud7ff]*` +
    "|[\\uac00-\\ud7a3][\\u11a8-\\u11ff]*\\p{M}*|\\P{M}\\p{M}*|\\p{M}+",
  "gu",
);

export function normalizedText(typed: string, normalize: (text: string) => string): NormalizedText {
  const text = normalize(typed);
  if (text === typed) return { text, origin: (start, end) => ({ start, end }) };
  const { starts, ends } = atomOrigins(typed, text, normalize) ?? blockOrigins(typed, text);
  return {
    text,
    origin(start, end) {
      const first = starts[start] ?? typed.length;
      return { start: first, end: end > start ? (ends[end - 1] ?? typed.length) : first };
    },
  };
}

/** For each unit of the normalised text, of what was typed. */
interface Origins {
  starts: Int32Array;
  ends: Int32Array;
}

/** @returns undefined where the whole is not its atoms joined */
function atomOrigins(typed: string, text: string, normalize: (text: string) => string): Origins | undefined {
  const guards = normalize(GUARD + GUARD);
  const at = guards.indexOf(GUARD + GUARD);
  if (at < 0) return undefined;
  const [head, tail] = [guards.slice(0, at), guards.slice(at + 2)];
  const known = new Map<string, string>();
  const [starts, ends]: [number[], number[]] = [[], []];
  let joined = "";
  for (const { 0: atom, index } of typed.matchAll(atoms)) {
    let result = known.get(atom);
    if (result === undefined) {
      const between = normalize(GUARD + atom + GUARD);
      if (!between.startsWith(head + GUARD) || !between.endsWith(GUARD + tail)) return undefined;
      result = between.slice(head.length + 1, between.length - tail.length - 1);
      known.set(atom, result);
    }
    // As long as it was (in another case, say): unit by unit, so that a mark stays a mark of its own.
    const isUnitwise = result.length === atom.length;
    for (let i = 0; i < result.length; i++) {
      starts.push(isUnitwise ? index + i : index);
      ends.push(isUnitwise ? index + i + 1 : index + atom.length);
    }
    joined += result;
  }
  // Ends may be trimmed, or have something set before or behind them.
  const before = text.startsWith(head) ? head.length : 0;
  const body = text.slice(before, text.endsWith(tail) ? text.length - tail.length : undefined);
  const cut = body.length === joined.length ? 0 : joined.length - joined.trimStart().length;
  const piece = joined.slice(cut, cut + body.length);
  // A letter may take another form at a word's end (the Greek sigma).
  if (piece.length !== body.length || (piece !== body && piece.toUpperCase() !== body.toUpperCase())) return undefined;
  const origins = { starts: new Int32Array(text.length), ends: new Int32Array(text.length) };
  for (let i = 0; i < text.length; i++) {
    const from = i - before + cut;
    const isAdded = i < before || i >= before + body.length;
    const edge = i < before ? 0 : typed.length;
    origins.starts[i] = isAdded ? edge : (starts[from] as number);
    origins.ends[i] = isAdded ? edge : (ends[from] as number);
  }
  return origins;
}

/** One block between what both texts begin and end with. */
function blockOrigins(typed: string, text: string): Origins {
  const most = Math.min(typed.length, text.length);
  let head = 0;
  while (head < most && typed[head] === text[head]) head++;
  let tail = 0;
  while (tail < most - head && typed[typed.length - 1 - tail] === text[text.length - 1 - tail]) tail++;
  const origins = { starts: new Int32Array(text.length), ends: new Int32Array(text.length) };
  const shift = typed.length - text.length;
  for (let i = 0; i < text.length; i++) {
    const isHead = i < head;
    const isTail = i >= text.length - tail;
    origins.starts[i] = isHead ? i : isTail ? i + shift : head;
    origins.ends[i] = isHead ? i + 1 : isTail ? i + shift + 1 : typed.length - tail;
  }
  return origins;
}
