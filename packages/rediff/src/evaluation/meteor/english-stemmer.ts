/** Stems of English words by Porter's second algorithm ("English" of Snowball), as it was when METEOR 1.5 took it in.
 *
 *  Endings count where they lie in one of two regions: the first begins behind the first vowel that a consonant follows,
 *  the second is found in the first in the same way. https://snowballstem.org/algorithms/english/stemmer.html */

const wholeWords: Readonly<Record<string, string>> = {
  skis: "ski",
  skies: "sky",
  dying: "die",
  lying: "lie",
  tying: "tie",
  idly: "idl",
  gently: "gentl",
  ugly: "ugli",
  early: "earli",
  only: "onli",
  singly: "singl",
};
const unchanged = new Set(["sky", "news", "howe", "atlas", "cosmos", "bias", "andes"]);
/** Without their plural s. */
const unchangedNow = new Set([
  ...["inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed"],
]);

type Endings = Readonly<Record<string, string>>;

/** In the first region. */
const derived: Endings = {
  ...{ tional: "tion", enci: "ence", anci: "ance", abli: "able", entli: "ent" },
  ...{ izer: "ize", ization: "ize", ational: "ate", ation: "ate", ator: "ate" },
  ...{ alism: "al", aliti: "al", alli: "al", fulness: "ful", ousli: "ous", ousness: "ous" },
  ...{ iveness: "ive", iviti: "ive", biliti: "ble", bli: "ble", ogi: "og", fulli: "ful", lessli: "less", li: "" },
};
const derivedAgain: Endings = {
  ...{ tional: "tion", ational: "ate", alize: "al", icate: "ic", iciti: "ic", ical: "ic" },
  ...{ ful: "", ness: "", ative: "" },
};
/** In the second region. */
const suffixes: Endings = Object.fromEntries(
  "al ance ence er ic able ible ant ement ment ent ism ate iti ous ive ize ion"
    .split(" ")
    .map((suffix) => [suffix, ""]),
);

const isVowel = (letter: string | undefined): boolean => letter !== undefined && "aeiouy".includes(letter);
const hasVowel = (text: string): boolean => /[aeiouy]/.test(text);
/** A consonant, a vowel and a consonant that is not w, x or Y at the end; or a vowel and a consonant as the whole. */
const endsShort = (text: string): boolean =>
  /[^aeiouy][aeiouy][^aeiouywxY]$/.test(text) || /^[aeiouy][^aeiouy]$/.test(text);

export function stemEnglish(word: string): string {
  const special = wholeWords[word];
  if (special !== undefined && Object.hasOwn(wholeWords, word)) return special;
  if (word.length < 3 || unchanged.has(word)) return word;
  const marked = markConsonants(word.replace(/^'/, ""));
  const { first, second } = regions(marked);
  const singular = withoutPlural(withoutGenitive(marked));
  if (unchangedNow.has(singular)) return singular.replaceAll("Y", "y");
  let stem = withoutVerbEnding(singular, first);
  if (/[yY]$/.test(stem) && stem.length > 2 && !isVowel(stem.at(-2))) stem = `${stem.slice(0, -1)}i`;
  stem = replaceEnding(stem, derived, (ending, before) => {
    if (before.length < first) return false;
    if (ending === "ogi") return before.endsWith("l");
    return ending !== "li" || /[cdeghkmnrt]$/.test(before);
  });
  stem = replaceEnding(
    stem,
    derivedAgain,
    (ending, { length }) => length >= (ending === "ative" ? second : first) && length >= first,
  );
  stem = replaceEnding(
    stem,
    suffixes,
    (ending, before) => before.length >= second && (ending !== "ion" || /[st]$/.test(before)),
  );
  return withoutLast(stem, first, second).replaceAll("Y", "y");
}

/** A y that begins a word, or follows a vowel, is a consonant: Y. */
function markConsonants(word: string): string {
  const letters = [...word.split("")];
  for (const [i, letter] of letters.entries())
    if (letter === "y" && (i === 0 || isVowel(letters[i - 1]))) letters[i] = "Y";
  return letters.join("");
}

function regions(word: string): { first: number; second: number } {
  const special = /^(?:gener|commun|arsen)/.exec(word)?.[0].length;
  const first = special ?? behindSyllable(word, 0);
  return { first, second: behindSyllable(word, first) };
}

/** Behind the first vowel and the consonant that follows it. */
function behindSyllable(word: string, from: number): number {
  const found = /[aeiouy][^aeiouy]/.exec(word.slice(from));
  return found === null ? word.length : from + found.index + 2;
}

const withoutGenitive = (word: string): string => word.replace(/(?:'s'|'s|')$/, "");

function withoutPlural(word: string): string {
  if (word.endsWith("sses")) return word.slice(0, -2);
  if (/ie[ds]$/.test(word)) return word.slice(0, word.length > 4 ? -2 : -1);
  if (/[us]s$/.test(word) || !word.endsWith("s")) return word;
  return hasVowel(word.slice(0, -2)) ? word.slice(0, -1) : word;
}

function withoutVerbEnding(word: string, first: number): string {
  const [ending] = /(?:eedly|ingly|edly|eed|ing|ed)$/.exec(word) ?? [];
  if (ending === undefined) return word;
  const before = word.slice(0, -ending.length);
  if (ending.startsWith("eed")) return before.length >= first ? `${before}ee` : word;
  if (!hasVowel(before)) return word;
  if (/(?:at|bl|iz)$/.test(before)) return `${before}e`;
  if (/(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/.test(before)) return before.slice(0, -1);
  return before.length === first && endsShort(before) ? `${before}e` : before;
}

/** The longest ending counts, also where it may not be replaced. */
function replaceEnding(word: string, endings: Endings, isAllowed: (ending: string, before: string) => boolean): string {
  for (let length = Math.min(7, word.length); length > 1; length--) {
    const ending = word.slice(-length);
    if (!Object.hasOwn(endings, ending)) continue;
    const before = word.slice(0, -length);
    return isAllowed(ending, before) ? before + (endings[ending] ?? "") : word;
  }
  return word;
}

function withoutLast(word: string, first: number, second: number): string {
  const before = word.slice(0, -1);
  const { length } = before;
  if (word.endsWith("e")) return length >= second || (length >= first && !endsShort(before)) ? before : word;
  return word.endsWith("ll") && length >= second ? before : word;
}
