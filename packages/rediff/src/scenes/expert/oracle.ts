/** The expert that knows the truth: of all true captions with as many words as a draft, the one nearest to it.
 *
 *  Nearest by Hamming distance, that is, by the number of tokens to be replaced, which is what ReDiff's training on
 *  pairs of equal length asks for (a shorter one changes the draft's last words to nothing). Dynamic programming over (word, set of facts already said): sentences and clauses
 *  are taken from the grammar, their words compared with the draft's in place. */

import { relatedPairs } from "../language/caption-plan.js";
import {
  definitePhrase,
  type Form,
  forms,
  joint,
  mayFollow,
  nounPhrases,
  placePhrases,
  relationPhrases,
  type Slot,
  verb,
} from "../language/grammar.js";
import { capital } from "../language/words.js";
import type { Facts } from "../world/facts.js";
import { article, findName } from "../world/object-names.js";

export interface NearestCaption {
  words: string[];
  /** Words that differ from the draft's. */
  distance: number;
  /** Groups and background that it leaves out: 0 unless omissions are allowed. */
  omitted: number;
}

export interface OracleOptions {
  /** Captions that leave facts out count too, each fact left out as so many replaced words. */
  omissionCost?: number;
  /** Captions with up to so many words less count too, each word that the draft has behind them as a replaced one: where a word
   *  stands twice near the end, taking it away changes less than a caption of the same length would. Default 0. */
  shorter?: number;
}

/** Undefined when no true caption has that many words. */
export function nearestCaption(
  draft: readonly string[],
  facts: Facts,
  { omissionCost, shorter = 0 }: OracleOptions = {},
): NearestCaption | undefined {
  const topics = topicsOf(facts);
  let nearest: NearestCaption | undefined;
  for (let less = 0; less <= shorter && less < draft.length; less++) {
    const found = new Search(draft.slice(0, draft.length - less), topics, omissionCost).best();
    if (found === undefined) continue;
    const distance = found.distance + less;
    // An omission is worth what it costs in words.
    const cost = distance + found.omitted * (omissionCost ?? 0);
    if (nearest === undefined || cost < nearest.distance + nearest.omitted * (omissionCost ?? 0))
      nearest = { ...found, distance };
  }
  return nearest;
}

/** One wording of a clause about one fact. */
interface Wording {
  words: readonly string[];
}

interface Topic {
  /** A true caption may leave it out. */
  optional: boolean;
  /** Wordings that may begin a sentence, and of what kind the clause after "and" may then be. */
  opening: { lengths: Map<number, Wording[]>; elides: boolean }[];
  /** Wordings after "and": whole clauses, and bare ones that need an eliding clause before them. */
  joining: { lengths: Map<number, Wording[]>; bare: boolean }[];
}

function topicsOf(facts: Facts): Topic[] {
  const groups = facts.objects.map(({ name, count, size, position }) => {
    const choices: Choices = { NP: nounPhrases(name, count, size), PP: placePhrases(position), BE: [[verb(count)]] };
    return topic("object", [choices]);
  });
  const { background } = facts;
  const ground = topic("background", [{ COLOR: [[background]], A_COLOR: [[article(background), background]] }]);
  const related = relatedPairs(facts).map(({ group, other, relation }): Choices => {
    const phraseOf = (index: number) => {
      const { name = "", count = 1 } = facts.objects[index] ?? {};
      const object = findName(name);
      return object === undefined ? [] : definitePhrase({ object, count });
    };
    const be = verb(facts.objects[group]?.count ?? 1);
    return { THE: [phraseOf(group)], OTHER: [phraseOf(other)], REL: relationPhrases(relation), BE: [[be]] };
  });
  return [...groups, ground, ...(related.length === 0 ? [] : [topic("relation", related)])];
}

type Choices = Partial<Record<Extract<Slot, string>, string[][]>>;

/** @param choices what may be said, each with all of its wordings */
function topic(about: Form["about"], choices: readonly Choices[]): Topic {
  const own = forms.filter((form) => form.about === about);
  const bare = own.filter((form) => !form.joins && !form.opens);
  const byLength = (some: readonly Form[], opens = false) => {
    const lengths = new Map<number, Wording[]>();
    const all = choices.flatMap((choice) => some.flatMap((form) => wordings(form.slots, choice)));
    for (const [first = "", ...rest] of all) {
      const words = [opens ? capital(first) : first, ...rest];
      const same = lengths.get(words.length);
      if (same === undefined) lengths.set(words.length, [{ words }]);
      else same.push({ words });
    }
    return lengths;
  };
  const opens = own.filter((form) => form.opens);
  return {
    optional: about === "relation",
    opening: [
      {
        lengths: byLength(
          opens.filter((form) => form.elides),
          true,
        ),
        elides: true,
      },
      {
        lengths: byLength(
          opens.filter((form) => !form.elides),
          true,
        ),
        elides: false,
      },
    ],
    joining: [
      { lengths: byLength(own.filter((form) => form.joins)), bare: false },
      { lengths: byLength(bare.filter((form) => forms.some((first) => mayFollow(first, form)))), bare: true },
    ],
  };
}

/** All ways to fill the slots. */
function wordings(slots: readonly Slot[], choices: Choices): string[][] {
  return slots.reduce<string[][]>(
    (starts, slot) => {
      const parts = typeof slot === "string" ? (choices[slot] ?? []) : slot.map((word) => [word]);
      return starts.flatMap((start) => parts.map((part) => [...start, ...part]));
    },
    [[]],
  );
}

/** A place in a half-made caption: where in the draft, what has been said, and what may come. */
interface Step {
  cost: number;
  words: readonly string[];
  next: Step | undefined;
}

const whole = forms.find((form) => form.joins) as Form;
const short = forms.find((form) => form.name === "bare") as Form;
const joints = { bare: joint(short), whole: joint(whole) };

const impossible: Step = { cost: Number.POSITIVE_INFINITY, words: [], next: undefined };

class Search {
  readonly #draft: readonly string[];
  readonly #topics: readonly Topic[];
  readonly #everything: number;
  readonly #omissionCost: number | undefined;
  readonly #costs = new Map<
    Map<number, Wording[]>,
    ({ cost: number; words: readonly string[]; length: number }[] | undefined)[]
  >();
  /** [word][facts said]: the best rest of a caption whose next sentence begins there. */
  readonly #sentences: Step[][] = [];
  /** The same behind a first clause: after one that elides, and after one that does not. */
  readonly #behind: { elides: Step[]; plain: Step[] }[] = [];

  constructor(draft: readonly string[], topics: readonly Topic[], omissionCost: number | undefined) {
    this.#draft = draft;
    this.#topics = topics;
    this.#everything = 2 ** topics.length - 1;
    this.#omissionCost = omissionCost;
  }

  best(): NearestCaption | undefined {
    const end = this.#draft.length;
    for (let at = end; at >= 0; at--) {
      const behind = { elides: [] as Step[], plain: [] as Step[] };
      const sentences: Step[] = [];
      this.#behind[at] = behind;
      this.#sentences[at] = sentences;
      for (let said = this.#everything; said >= 0; said--) {
        const stop = this.#stop(at, said);
        const joined = this.#join(at, said, false, stop);
        behind.plain[said] = joined;
        behind.elides[said] = this.#join(at, said, true, joined);
        sentences[said] = at === end ? this.#finish(said) : this.#open(at, said);
      }
    }
    const start = this.#sentences[0]?.[0];
    if (start === undefined || start.cost === Number.POSITIVE_INFINITY) return undefined;
    const words: string[] = [];
    for (let step: Step | undefined = start; step !== undefined; step = step.next) words.push(...step.words);
    const distance = words.reduce((sum, word, i) => sum + (word === this.#draft[i] ? 0 : 1), 0);
    const omitted = this.#omissionCost ? Math.round((start.cost - distance) / this.#omissionCost) : 0;
    return { words, distance, omitted };
  }

  #finish(said: number): Step {
    const missing = this.#topics.filter(({ optional }, topic) => !optional && (said & (1 << topic)) === 0).length;
    if (missing === 0) return { cost: 0, words: [], next: undefined };
    if (this.#omissionCost === undefined) return impossible;
    return { cost: missing * this.#omissionCost, words: [], next: undefined };
  }

  /** The end of the sentence. */
  #stop(at: number, said: number): Step {
    const rest = this.#sentences[at + 1]?.[said];
    if (rest === undefined) return impossible;
    return { cost: rest.cost + this.#differs(at, "."), words: ["."], next: rest };
  }

  /** "and" or ", and", one more clause, the end of the sentence; `best` is what it has to beat. */
  #join(at: number, said: number, bare: boolean, best: Step): Step {
    const between = joints[bare ? "bare" : "whole"];
    const and = between.reduce((sum, word, i) => sum + this.#differs(at + i, word), 0);
    const from = at + between.length;
    this.#unsaid(said, (topic, bit) => {
      for (const { lengths, bare: isBare } of topic.joining) {
        if (isBare !== bare) continue;
        for (const { cost, words, length } of this.#cheapest(lengths, from)) {
          const end = from + length;
          const rest = this.#sentences[end + 1]?.[said | bit];
          if (rest === undefined) continue;
          const total = and + cost + this.#differs(end, ".") + rest.cost;
          if (total < best.cost) best = { cost: total, words: [...between, ...words, "."], next: rest };
        }
      }
    });
    return best;
  }

  #open(at: number, said: number): Step {
    let best = impossible;
    this.#unsaid(said, (topic, bit) => {
      for (const { lengths, elides } of topic.opening) {
        for (const { cost, words, length } of this.#cheapest(lengths, at)) {
          const rest = this.#behind[at + length]?.[elides ? "elides" : "plain"][said | bit];
          if (rest === undefined) continue;
          if (cost + rest.cost < best.cost) best = { cost: cost + rest.cost, words, next: rest };
        }
      }
    });
    return best;
  }

  #unsaid(said: number, visit: (topic: Topic, bit: number) => void): void {
    this.#topics.forEach((topic, index) => {
      const bit = 1 << index;
      if ((said & bit) === 0) visit(topic, bit);
    });
  }

  /** For every length the wording nearest to the draft's words from `at` on. */
  #cheapest(lengths: Map<number, Wording[]>, at: number) {
    let known = this.#costs.get(lengths);
    if (known === undefined) {
      known = [];
      this.#costs.set(lengths, known);
    }
    let here = known[at];
    if (here === undefined) {
      here = [];
      for (const [length, all] of lengths) {
        if (at + length >= this.#draft.length) continue; // no room for the full stop
        let best = Number.POSITIVE_INFINITY;
        let words: readonly string[] = [];
        for (const wording of all) {
          let cost = 0;
          for (let i = 0; i < length && cost < best; i++) if (wording.words[i] !== this.#draft[at + i]) cost++;
          if (cost < best) [best, words] = [cost, wording.words];
        }
        here.push({ cost: best, words, length });
      }
      known[at] = here;
    }
    return here;
  }

  #differs(at: number, word: string): number {
    return this.#draft[at] === word ? 0 : 1;
  }
}
