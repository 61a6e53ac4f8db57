/** What Stanford's tokenizer takes for one token, as far as captions have it. */

export interface PtbRule {
  /** Sticky. */
  pattern: RegExp;
  /** Without it the match is one token as it stands. */
  tokens?: (match: string) => readonly string[];
}

const rule = (source: string, tokens?: PtbRule["tokens"], flags = "iuy"): PtbRule => ({
  pattern: new RegExp(source, flags),
  ...(tokens === undefined ? {} : { tokens }),
});

const apostrophe = "['\\u2019\\u02bc\\u0092]";
/** A letter, with what may stand on it; digits and letters make a word together ("5th", "20x30"). */
const letter = "[\\p{L}\\p{M}]";
const wordSign = "[\\p{L}\\p{M}\\p{Nd}_]";
const end = `(?!${wordSign})`;
const number = "(?:\\d+(?:[.,:]\\d+)*|[.,]\\d+(?:[.,:]\\d+)*)";

/** Brackets have names, inside longer tokens too. */
const bracketNames: Readonly<Record<string, string>> = {
  "(": "-LRB-",
  ")": "-RRB-",
  "[": "-LSB-",
  "]": "-RSB-",
  "{": "-LCB-",
  "}": "-RCB-",
};
const named = (text: string): string => text.replace(/[()[\]{}]/g, (bracket) => bracketNames[bracket] ?? bracket);
const straight = (text: string): string => text.replace(new RegExp(apostrophe, "g"), "'");

/** Words that are written as one and counted as two or three, by where they are cut. */
const glued: Readonly<Record<string, readonly string[]>> = {
  cannot: ["can", "not"],
  gonna: ["gon", "na"],
  gotta: ["got", "ta"],
  wanna: ["wan", "na"],
  lemme: ["lem", "me"],
  gimme: ["gim", "me"],
};
const cutGlued = (match: string): readonly string[] => {
  const [first = ""] = glued[match.toLowerCase()] ?? [];
  return first === "" ? [match] : [match.slice(0, first.length), match.slice(first.length)];
};

/** Abbreviations that keep their full stop, wherever they stand. */
const abbreviations = [
  ..."jan feb mar apr jun jul aug sep sept oct nov dec".split(" "),
  ..."mon tue tues wed thu thurs fri".split(" "),
  ..."mr mrs ms messrs dr drs prof profs sen sens rep reps atty lt lieut col gen gov govs adm rev maj sgt cpl pvt".split(
    " ",
  ),
  ..."mt capt st ste ave pres hon brig cmdr comdr pfc spc supt det jr sr bros".split(" "),
  ..."inc co cos corp ltd plc rt dept assn univ intl llc etc al vs tel est ext sq".split(" "),
  ..."ala ariz calif colo conn ct dak fla ga ind kan kans ky md mich minn mo mont neb nev okla penn tenn va vt wis wisc wyo".split(
    " ",
  ),
];
/** And those that are words where they are small. */
const capitalAbbreviations = ["Ark", "Az", "Del", "Ill", "La", "Mass", "Miss", "Ore", "Pa", "Tex", "Wash"];

/** Only before a number: "No. 5", and "no." is a word and a full stop. */
const beforeNumbers = ["no", "nos", "art", "fig", "p", "pp", "vol", "ch"];

const currency: Readonly<Record<string, string>> = { "\u20ac": "$", "\u00a3": "#", "\u00a2": "cents", "\u00a4": "$" };
const fractions: Readonly<Record<string, string>> = {
  "\u00bc": "1/4",
  "\u00bd": "1/2",
  "\u00be": "3/4",
  "\u2153": "1/3",
  "\u2154": "2/3",
};

/** Two tokens, or one where nothing is in front. */
const cut = (match: string, at: number): readonly string[] =>
  [match.slice(0, at), match.slice(at)].map(straight).filter(Boolean);

export const ptbRules: readonly PtbRule[] = [
  // Tags, addresses, and names of files. Bounded, so that a text of nothing but beginnings takes no longer than others.
  rule("</?[a-z][^<>\\n]*>", (match) => [match.replace(/\s/g, "\u00a0")]),
  rule('(?:https?|ftp)://[^\\s<>"()\\[\\]{}]*[^\\s<>"()\\[\\]{}.,;:!?\'\\u2019]'),
  rule('www\\.[^\\s<>"()\\[\\]{}]*[^\\s<>"()\\[\\]{}.,;:!?\'\\u2019]'),
  rule("[\\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\\.[a-z0-9-]{1,63}){1,8}"),
  rule(
    `[a-z0-9-]{1,63}(?:\\.[a-z0-9-]{1,63}){0,8}\\.(?:com|net|org|edu|gov)(?:/[^\\s<>"()]*[^\\s<>"().,;:!?'])?${end}`,
  ),

  // Contractions: the second part begins behind the letters, or one before "n't".
  rule(`${letter}*n${apostrophe}t${end}`, (match) => cut(match, match.length - 3)),
  rule(`${apostrophe}(?:s|m|d|re|ve|ll)${end}`, (match) => [straight(match)]),
  rule(`(?:${Object.keys(glued).join("|")})${end}`, cutGlued),
  rule(`${apostrophe}t(?:is|was)${end}`, (match) => cut(match, 2)),
  rule(`${apostrophe}n${apostrophe}`, (match) => [straight(match)]),
  rule(`${apostrophe}(?:em|til|till|cause|bout|round)${end}`, (match) => [straight(match)]),
  rule(`${apostrophe}\\d0s${end}`, (match) => [straight(match)]),
  rule(`y${apostrophe}(?=all${end})`, (match) => [straight(match)]),
  // Names and words that have an apostrophe inside.
  rule(`(?:o|d|l)${apostrophe}${letter}{2,}${end}`, (match) => [straight(match)]),
  rule(`ma${apostrophe}am${end}`, (match) => [straight(match)]),

  // Abbreviations and initials.
  rule(`(?:${abbreviations.join("|")})\\.(?!${wordSign})`),
  rule(`(?:${capitalAbbreviations.join("|")})\\.(?!${wordSign})`, undefined, "uy"),
  rule(`(?:${beforeNumbers.join("|")})\\.(?=\\s*\\d)`),
  rule(`(?:${letter}\\.){2,16}(?!${letter})`),
  rule("(?<![^\\s(])[a-z]\\.(?=\\s+\\S)"),
  rule(`(?:ph\\.d|b\\.sc|m\\.sc)\\.(?!${wordSign})`),

  // Words: letters and digits, hyphens between, "and/or", "R&D".
  rule(`${letter}${wordSign}*(?:-${wordSign}+)*`),
  rule(`\\d+(?:-?${letter}${wordSign}*)(?:-${wordSign}+)*`),
  rule(`\\d+(?:st|nd|rd|th|s)?(?:-${letter}${wordSign}*)+`),
  rule(`${letter}+/${letter}+(?:/${letter}+)*`),
  rule(`${letter}{1,2}&${letter}{1,2}${end}`),
  rule(`c(?:\\+\\+|#)`),

  // Numbers, dates, telephone numbers, fractions.
  rule(`[-+]?${number}(?:-${number})*`),
  rule("&(?:amp|lt|gt);", (match) => [{ "&amp;": "&", "&lt;": "<", "&gt;": ">" }[match.toLowerCase()] ?? match]),
  rule("\\d{1,4}/\\d{1,4}(?:/\\d{1,4})?(?![\\d/])"),
  rule("\\(\\d{3}\\)[ \\u00a0]?\\d{3}[- \\u00a0]\\d{4}", (match) => [named(match).replace(/[ \u00a0]/g, "\u00a0")]),
  rule("\\d{3}[- \\u00a0]\\d{3}[- \\u00a0]\\d{4}", (match) => [match.replace(/[ \u00a0]/g, "\u00a0")]),
  rule("[\\u00bc-\\u00be\\u2153\\u2154]", (match) => [fractions[match] ?? match]),
  rule("[\\u20ac\\u00a3\\u00a2\\u00a4]", (match) => [currency[match] ?? match]),

  // Faces, before the signs that they are made of.
  rule("[:;=8][-~^o]?[)(\\]\\[dp](?![\\p{L}\\p{Nd}])", (match) => [named(match)]),

  // Quotation marks and dashes.
  rule("(?:\"|\\u201d|'')", () => ["''"]),
  rule("(?:\\u201c|``)", () => ["``"]),
  rule("(?:'|\\u2019|\\u201b)", () => ["'"]),
  rule("(?:`|\\u2018)", () => ["`"]),
  rule("(?:-{2,}|[\\u2013\\u2014\\u2015])", () => ["--"]),
  rule("-", () => ["-"]),
  rule("(?:\\.{2,}|\\u2026|(?:\\. ){2,}\\.)", () => ["..."]),
  rule("[?!]+"),
  rule("[()\\[\\]{}]", (match) => [named(match)]),
  rule("-[lr][rsc]b-"),
  rule("[.,;:]"),
  rule("[\\u3001\\u3002\\uff0c\\uff01\\uff1f\\uff1b\\uff1a]"),
  // Signs, one by one. Pictures of faces and things are none.
  rule("(?!\\p{Extended_Pictographic})[\\p{S}&*@#%/\\\\|~^\\u00a7\\u00b6\\u2020\\u2021\\u2022\\u00b7]"),
  rule("[\\u00a9\\u00ae\\u2122]"),
];
