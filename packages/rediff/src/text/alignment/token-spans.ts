/** The characters of a text that each of its tokens stands for.
 *
 *  The tokenizer's own steps are followed: whole words that were added to the vocabulary, normalising, pieces, tokens of a
 *  piece. Pieces are looked for in their order, so what a tokenizer drops lies between two spans. Byte-level tokens are
 *  counted off in bytes. One pass over the text; a tokenizer whose steps do not lead to its own ids is aligned coarsely,
 *  by the spelling of each token. */
import type { Tokenizer, TokenizerStages } from "../tokenizer.js";
import { textOfBytes, unitsOfBytes } from "./byte-level.js";
import { normalizedText, type Span } from "./normalized-text.js";

/** A token of a text. Spans come in order and do not overlap. */
export interface TokenSpan extends Span {
  /** undefined for what is not in the vocabulary. */
  id: number | undefined;
}

export function tokenSpans(tokenizer: Tokenizer, text: string): TokenSpan[] {
  const spans = spansByStages(tokenizer, text);
  const ids = tokenizer.encodeText(text);
  return spans !== undefined && hasKnownIds(tokenizer, spans, ids) ? spans : spansBySpelling(tokenizer, text, ids);
}

/** Both say the same but for what is unknown, which may be joined or dropped. */
function hasKnownIds({ unknown }: Tokenizer, spans: readonly TokenSpan[], ids: readonly number[]): boolean {
  const known = spans.flatMap(({ id }) => (id === undefined ? [] : [id]));
  const wanted = ids.filter((id) => id !== unknown);
  return known.length === wanted.length && known.every((id, i) => id === wanted[i]);
}

function spansByStages(tokenizer: Tokenizer, text: string): TokenSpan[] | undefined {
  const { stages } = tokenizer;
  const spans: TokenSpan[] = [];
  for (const { start, end, isWhole } of sections(text, stages.wholes)) {
    const section = text.slice(start, end);
    if (isWhole) {
      spans.push({ id: tokenizer.tokenId(section), start, end });
      continue;
    }
    const normalized = normalizedText(section, stages.normalize);
    const found = spansOfSection(tokenizer, normalized.text);
    if (found === undefined) return undefined;
    for (const span of found) {
      const origin = normalized.origin(span.start, span.end);
      spans.push({ id: span.id, start: start + origin.start, end: start + origin.end });
    }
  }
  // Tokens of one atom (a ligature that is taken apart) share its characters: they are the first one's.
  for (let i = 1, reach = spans[0]?.end ?? 0; i < spans.length; i++) {
    const span = spans[i] as TokenSpan;
    span.start = Math.max(span.start, reach);
    span.end = Math.max(span.end, span.start);
    reach = span.end;
  }
  return spans;
}

/** The text in parts: words that are tokens as they stand, and what lies between them. */
function* sections(text: string, wholes: readonly string[]): Generator<Span & { isWhole: boolean }> {
  const longestFirst = wholes.filter((word) => word !== "").sort((a, b) => b.length - a.length);
  let at = 0;
  if (longestFirst.some((word) => text.includes(word))) {
    const pattern = new RegExp(longestFirst.map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"), "g");
    for (const { 0: word, index } of text.matchAll(pattern)) {
      if (index > at) yield { start: at, end: index, isWhole: false };
      at = index + word.length;
      yield { start: index, end: at, isWhole: true };
    }
  }
  if (at < text.length) yield { start: at, end: text.length, isWhole: false };
}

function spansOfSection(tokenizer: Tokenizer, normalized: string): TokenSpan[] | undefined {
  const { stages } = tokenizer;
  // Encoders write half a surrogate pair as U+FFFD.
  const text = normalized.replace(/\p{Surrogate}/gu, "\ufffd");
  const spans: TokenSpan[] = [];
  let at = 0;
  for (const piece of stages.split(text)) {
    const place = placeOf(stages.isByteLevel ? textOfBytes(piece) : piece, text, at);
    if (place === undefined) return undefined;
    const tokens = stages.tokensOf(piece);
    const inside = stages.isByteLevel
      ? spansOfBytes(tokens, text.slice(place.start, place.end), piece)
      : spansOfSpelling(tokens, text.slice(place.start, place.end), stages, (token) => isKnown(tokenizer, token));
    for (const [i, token] of tokens.entries()) {
      const span = inside[i] as Span;
      const id = isKnown(tokenizer, token) ? tokenizer.tokenId(token) : undefined;
      const [start, end] = [place.start + span.start, place.start + span.end];
      spans.push({ id, ...(stages.isByteLevel ? { start, end } : trimmed(text, start, end)) });
    }
    at = place.end;
  }
  return spans;
}

function isKnown(tokenizer: Tokenizer, token: string): boolean {
  const id = tokenizer.tokenId(token);
  return id !== undefined && id !== tokenizer.unknown && !tokenizer.stages.controls.has(token);
}

/** A piece may begin with a space, or a sign for one, that the text does not have. */
function placeOf(piece: string, text: string, at: number): Span | undefined {
  const spaced = piece.replaceAll("\u2581", " ");
  const candidates = [...new Set([piece, spaced, spaced.replace(/^ /, "")])];
  const found = (candidate: string, start: number) => ({ start, end: start + candidate.length });
  const next = candidates.find((candidate) => text.startsWith(candidate, at));
  if (next !== undefined) return found(next, at);
  // What is not there at all is not looked for in the whole text, piece by piece.
  for (let window = 64; ; window *= 4) {
    const near = text.slice(at, at + window + piece.length);
    for (const candidate of candidates) {
      const start = near.indexOf(candidate);
      if (start >= 0) return found(candidate, at + start);
    }
    if (at + window >= text.length) return undefined;
  }
}

/** Without white space at the ends: it is set by decoding, and is no token's own. */
function trimmed(text: string, start: number, end: number): Span {
  const inside = text.slice(start, end);
  if (inside.trim() === "") return { start, end };
  return { start: start + inside.length - inside.trimStart().length, end: start + inside.trimEnd().length };
}

/** A token that begins inside a character begins where that does; one that ends inside it ends there too. */
function spansOfBytes(tokens: readonly string[], text: string, piece: string): Span[] {
  const unitOf = unitsOfBytes(text);
  // A space that was set before the piece is none of the text's.
  const added = Math.max(0, piece.length - unitOf.length);
  let byte = -added;
  return tokens.map((token) => {
    const start = unitOf[Math.max(0, byte)] ?? text.length;
    byte += token.length;
    return { start, end: byte >= unitOf.length ? text.length : (unitOf[Math.max(0, byte)] as number) };
  });
}

/** Known tokens are looked for by their spelling; an unknown one has what lies up to the next known one. */
function spansOfSpelling(
  tokens: readonly string[],
  text: string,
  { continuation }: TokenizerStages,
  isKnownToken: (token: string) => boolean,
): Span[] {
  if (tokens.length === 1) return [{ start: 0, end: text.length }];
  const spans: Span[] = [];
  let at = 0;
  const find = (token: string, from: number): Span | undefined => {
    const bare = withoutContinuation(token, continuation);
    const here = [bare, bare.replaceAll("\u2581", " ")].find((spelling) => text.startsWith(spelling, from));
    const spelling = here ?? bare.replaceAll("\u2581", "");
    const near = here === undefined ? text.slice(from, from + NEAR + spelling.length).indexOf(spelling) : 0;
    return near < 0 ? undefined : { start: from + near, end: from + near + spelling.length };
  };
  for (const [i, token] of tokens.entries()) {
    const next = tokens[i + 1];
    let span = isKnownToken(token) ? (find(token, at) ?? { start: at, end: at }) : undefined;
    if (span === undefined) {
      // One character at least; all of them where nothing follows.
      const unit = (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
      const least = Math.min(text.length, at + unit);
      const follower = next !== undefined && isKnownToken(next) ? find(next, least) : undefined;
      span = { start: at, end: next === undefined ? text.length : (follower?.start ?? least) };
    }
    spans.push(span);
    at = span.end;
  }
  return spans;
}

/** How far a token's spelling may be from where it is due: further off it would be another one. */
const NEAR = 64;

function withoutContinuation(token: string, continuation: string): string {
  return continuation !== "" && token.startsWith(continuation) ? token.slice(continuation.length) : token;
}

/** For tokenizers that go other ways: each token where its spelling comes next, whatever its case. What is not found has
 *  no characters. */
function spansBySpelling(tokenizer: Tokenizer, text: string, ids: readonly number[]): TokenSpan[] {
  const folded = normalizedText(text, fold);
  const spans: TokenSpan[] = [];
  let at = 0;
  for (const id of ids) {
    const isText = id !== tokenizer.unknown;
    const spelling = fold(withoutContinuation(tokenizer.decode([id]), tokenizer.stages.continuation)).trim();
    const near = folded.text.slice(at, at + NEAR + spelling.length);
    const found = isText && spelling !== "" ? near.indexOf(spelling) : -1;
    const from = found < 0 ? at : at + found;
    const to = found < 0 ? at : from + spelling.length;
    spans.push({ id: isText ? id : undefined, ...folded.origin(from, to) });
    at = to;
  }
  return spans;
}

const fold = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
