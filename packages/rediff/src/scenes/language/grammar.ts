/** The language of captions: what can be said about groups of objects, the background, and where one is seen from another.
 *
 *      caption   sentence+             every group once, the background once, in any order; relations or none
 *      sentence  clause ( "," "and" clause | "and" bare clause )? "."      its first word with a capital
 *      clause    a form below, its slots filled
 *
 *  One table of forms serves the writer, the parser and the expert, so they cannot disagree. All of it is regular: the
 *  parser needs no stack. Dependent words are there on purpose (a / an / two, is / are, dog / dogs, top / bottom with
 *  left / right): they are what parallel decoding gets wrong. */
import { isCorner, numberWords, type Position, type Relation, type Size } from "../world/facts.js";
import { article, findName, type ObjectName } from "../world/object-names.js";

/** Alternatives of one word, or a slot: NP a group ("a small dog", "two dogs"), BE is or are, PP its place
 *  ("in the top left corner"), COLOR the background's colour, A_COLOR the same with an article, THE and OTHER groups that are spoken
 *  of again ("the dogs"), REL where the first is seen from the second. */
export type Slot = readonly string[] | "NP" | "BE" | "PP" | "COLOR" | "A_COLOR" | "THE" | "REL" | "OTHER";

export interface Form {
  name: string;
  about: "object" | "background" | "relation";
  slots: readonly Slot[];
  /** May begin a sentence. */
  opens: boolean;
  /** May follow "and". */
  joins: boolean;
  /** May be followed by "and" and a bare NP PP. */
  elides: boolean;
  /** In worlds of plain wording too. */
  plain: boolean;
}

const the = ["the"];
const picture = ["picture", "image"];

export const forms: readonly Form[] = [
  form("there", "object", [["there"], "BE", "NP", "PP"], { elides: true, plain: true }),
  form("is", "object", ["NP", "BE", "PP"], { plain: true }),
  form("place", "object", ["PP", [","], ["there"], "BE", "NP"]),
  form("see", "object", ["PP", [","], ["you", "we"], ["can"], ["see"], "NP"]),
  form("shows", "object", [the, picture, ["shows"], "NP", "PP"], { joins: false, elides: true }),
  form("bare", "object", ["NP", "PP"], { opens: false, joins: false }),
  form("background", "background", [the, ["background"], ["is"], "COLOR"], { plain: true }),
  form("has", "background", [the, picture, ["has"], "A_COLOR", ["background"]], { joins: false }),
  form("everything", "background", [["everything"], ["is"], ["on"], "A_COLOR", ["background"]], { joins: false }),
  form("relation", "relation", ["THE", "BE", "REL", "OTHER"], { joins: false }),
];

function form(name: string, about: Form["about"], slots: Slot[], rules: Partial<Form> = {}): Form {
  return { name, about, slots, opens: true, joins: true, elides: false, plain: false, ...rules };
}

export function findForm(name: string): Form {
  const found = forms.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no form "${name}"`);
  return found;
}

/** What stands between a first clause and this one. */
export const joint = (second: Form): readonly string[] => (second.name === "bare" ? ["and"] : [",", "and"]);

/** After `first` and their joint. */
export function mayFollow(first: Form, second: Form): boolean {
  return second.joins || (second.name === "bare" && first.elides);
}

/** A group as it is said; without `size` it is not mentioned. */
export interface Said {
  object: ObjectName;
  count: number;
  size: Size | undefined;
}

export const verb = (count: number): "is" | "are" => (count === 1 ? "is" : "are");

export function nounPhrase({ object, count, size }: Said, determiner: "a" | "one" = "a"): string[] {
  if (count !== 1) return [numberWords[count - 1] ?? "", ...object.plural.split(" ")];
  const rest = [...(size === undefined ? [] : [size]), ...object.name.split(" ")];
  return [determiner === "one" ? "one" : article(rest[0] ?? ""), ...rest];
}

/** A group that is spoken of again. */
export function definitePhrase({ object, count }: Pick<Said, "object" | "count">): string[] {
  return ["the", ...(count === 1 ? object.name : object.plural).split(" ")];
}

/** All ways to say it. */
export function relationPhrases(relation: Relation): string[][] {
  const words = relation.split(" ");
  return words.length === 1 ? [words] : [words, ["to", "the", ...words]];
}

export const prepositions = ["at", "in"] as const;

export function placePhrase(position: Position, preposition: "at" | "in", corner: boolean): string[] {
  return [preposition, "the", ...position.split(" "), ...(corner && isCorner(position) ? ["corner"] : [])];
}

/** All noun phrases of a group: with and without its size, "a" and "one". */
export function nounPhrases(name: string, count: number, size: Size | undefined): string[][] {
  const object = findName(name);
  if (object === undefined) throw new Error(`"${name}" is no name of the scene world`);
  const said = size === undefined || count !== 1 ? [undefined] : [undefined, size];
  const determiners = count === 1 ? (["a", "one"] as const) : (["a"] as const);
  return said.flatMap((word) => determiners.map((determiner) => nounPhrase({ object, count, size: word }, determiner)));
}

export function placePhrases(position: Position): string[][] {
  const corners = isCorner(position) ? [false, true] : [false];
  return corners.flatMap((corner) => prepositions.map((preposition) => placePhrase(position, preposition, corner)));
}
