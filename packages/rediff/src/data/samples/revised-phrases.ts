/** Where in a text the phrases to be revised stand (ReDiff's R_s), and what is to be learnt there.
 *
 *  Both phrases of a pair are encoded as they would be inside a sentence, with a space before them; they need the same
 *  number of tokens; with `shorter` the last phrase of an answer may be replaced by a shorter one, behind which the end of
 *  the turn moves forward. The first match marks its positions and puts the target's ids into the labels. Later pairs are
 *  searched in the same, unchanged ids.
 *
 *  Departures of `inAnswers` from the reference, which `inWholeRow` follows:
 *  - only answers are searched, not the system text and the question before them;
 *  - a phrase is also found where no space comes before it: at the answer's start, after a line break, a bracket;
 *  - a match that ends inside a word counts only when there is no other;
 *  - what a leading "dummy " adds is removed by comparison; the reference drops one token and hopes that it is one. */
import { ignoredLabel } from "../../text/image-tokens.js";
import type { Labelled } from "../../text/labels.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { type AnswerSpan, answerSpans } from "./answer-positions.js";
import type { ReviseSpan } from "./sample.js";
import type { PhraseSearch } from "./sample-rules.js";

/** What became of a pair. */
export type PairOutcome = "found" | "length_differs" | "not_found";

export interface Revised extends Labelled {
  /** One per id: true where a wrong token stands. */
  revise: boolean[];
  /** One per pair. */
  outcomes: PairOutcome[];
}

/** How pairs are matched. */
export interface RevisionRules {
  /** Default: answers. */
  search?: PhraseSearch | undefined;
  /** At the end of an answer a phrase may have a shorter replacement: what else stood there becomes the end of the turn and
   *  `fill`, so that a word too many can be taken away. Default false, as in the reference. With search "answers". */
  shorter?: boolean | undefined;
  /** The label of places behind an end of turn that moved forward; default none. */
  fill?: number | undefined;
}

/** Ids and labels of a text with the pairs' targets in the labels; the arguments stay as they are. */
export function markRevisions(
  tokenizer: Tokenizer,
  text: Labelled,
  pairs: readonly ReviseSpan[],
  { search = "answers", shorter = false, fill }: RevisionRules = {},
): Revised {
  const labels = [...text.labels];
  const revise = text.ids.map(() => false);
  const find = searches[search](tokenizer, text, shorter);
  const outcomes = pairs.map((pair): PairOutcome => {
    const found = find(pair);
    if (typeof found === "string") return found;
    const { start, target, end } = found;
    for (let at = start; at < end; at++) {
      const id = target[at - start] ?? fill;
      labels[at] = id ?? ignoredLabel;
      revise[at] = id !== undefined;
    }
    return "found";
  });
  return { ids: text.ids, labels, revise, outcomes };
}

interface Match {
  start: number;
  /** Behind the last position that the pair is about: that of the phrase, or of the end of the turn behind it. */
  end: number;
  /** Ids from `start` on; behind them, up to `end`, nothing of the answer is left. */
  target: number[];
}

type Find = (pair: ReviseSpan) => Match | "length_differs" | "not_found";

const searches: Readonly<Record<PhraseSearch, (tokenizer: Tokenizer, text: Labelled, shorter: boolean) => Find>> = {
  answers: inAnswers,
  whole_row: inWholeRow,
};

/** The reference's rule to the letter: the first token of "dummy <phrase>" is dropped, whatever it is; the first match
 *  in the whole text counts, and if that is at 0, none does. */
function inWholeRow(tokenizer: Tokenizer, { ids }: Labelled): Find {
  const encode = (phrase: string): number[] => tokenizer.encode(`dummy ${phrase}`).slice(1);
  return (pair) => {
    const [org, target] = [encode(pair.org), encode(pair.target)];
    if (org.length !== target.length) return "length_differs";
    const start = org.length === 0 ? -1 : nextMatch(ids, org, 0, ids.length);
    return start > 0 ? { start, end: start + org.length, target } : "not_found";
  };
}

type Both = [number[], number[]];

interface Candidate extends Match {
  wholeWord: boolean;
}

function inAnswers(tokenizer: Tokenizer, text: Labelled, shorter: boolean): Find {
  const { ids } = text;
  const { eot } = tokenizer.special;
  const answers = answerSpans(tokenizer, text);
  return ({ org: wrong, target: right }) => {
    const [org, target] = [wrong.trim(), right.trim()];
    if (org === "" || target === "") return "not_found";
    const forms: Both[] = [
      [encodeInside(tokenizer, org), encodeInside(tokenizer, target)],
      [tokenizer.encodeText(org), tokenizer.encodeText(target)],
    ];
    const fitting = forms.map(([from, to]) => from.length === to.length);
    const shrinks = forms.map(([from, to]) => shorter && to.length < from.length);
    const candidates = forms.flatMap(([from, to], form) =>
      matchesIn(answers, ids, from).flatMap((start): (Candidate & { fits: boolean })[] => {
        const before = joinsWord(tokenizer, ids[start - 1], org, "start");
        // Without its space, a phrase in the middle of a word is another word.
        if (form === 1 && before) return [];
        const end = start + from.length;
        const wholeWord = !joinsWord(tokenizer, ids[end], org, "end");
        if (shrinks[form] && ids[end] === eot)
          return [{ start, end: end + 1, target: [...to, eot], wholeWord, fits: true }];
        return [{ start, end, target: to, wholeWord, fits: fitting[form] === true }];
      }),
    );
    const usable = candidates.filter(({ fits }) => fits).sort((a, b) => a.start - b.start);
    const best = usable.find(({ wholeWord }) => wholeWord) ?? usable[0];
    if (best !== undefined) return { start: best.start, end: best.end, target: best.target };
    return candidates.length > 0 || fitting[0] === false ? "length_differs" : "not_found";
  };
}

/** A phrase as it is encoded behind a word: what "dummy <phrase>" has beyond "dummy". What it spells is text. */
export function encodeInside(tokenizer: Tokenizer, text: string): number[] {
  const prefix = tokenizer.encode("dummy");
  const whole = tokenizer.encodeText(`dummy ${text}`);
  if (prefix.every((id, i) => whole[i] === id)) return whole.slice(prefix.length);
  return tokenizer.encodeText(` ${text}`);
}

function matchesIn(spans: readonly AnswerSpan[], ids: readonly number[], phrase: readonly number[]): number[] {
  const found: number[] = [];
  if (phrase.length === 0) return found;
  for (const { start, end } of spans) {
    for (let at = nextMatch(ids, phrase, start, end); at >= 0; at = nextMatch(ids, phrase, at + 1, end)) found.push(at);
  }
  return found;
}

/** The first place in [from, to) where the whole phrase stands; -1 when there is none. */
function nextMatch(ids: readonly number[], phrase: readonly number[], from: number, to: number): number {
  for (let start = from; start + phrase.length <= to; start++) {
    if (phrase.every((id, i) => ids[start + i] === id)) return start;
  }
  return -1;
}

/** Letters and digits of scripts that put spaces between words. */
const wordCharacter =
  /(?!\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Thai}|\p{Script=Lao}|\p{Script=Khmer}|\p{Script=Myanmar})[\p{L}\p{N}]/u;

/** Whether a phrase and the token beside it belong to one word. */
function joinsWord(tokenizer: Tokenizer, beside: number | undefined, phrase: string, edge: "start" | "end"): boolean {
  if (beside === undefined || beside < 0) return false;
  const token = tokenizer.token(beside);
  if (token?.startsWith("<|")) return false;
  const neighbour = [...tokenizer.decode([beside])].at(edge === "start" ? -1 : 0);
  const own = [...phrase].at(edge === "start" ? 0 : -1);
  return isWordCharacter(neighbour) && isWordCharacter(own);
}

const isWordCharacter = (character: string | undefined) => character !== undefined && wordCharacter.test(character);
