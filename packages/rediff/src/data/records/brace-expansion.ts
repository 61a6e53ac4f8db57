/** Brace lists in file names, as the shell writes them: `a{x,y}.json` and `shard-{000..009}.tar`.
 *
 *  The reference knows one list before `.json`; here lists and ranges may stand anywhere, several times, and nested. */
import { UserError } from "../../errors.js";

/** More names than this are a slip of the keyboard. */
const MAX_NAMES = 100_000;
/** Lists in each other and behind each other. */
const MAX_LISTS = 64;

/** All names that a pattern stands for, in its order. A brace without its partner is an ordinary character. */
export const expandBraces = (pattern: string): string[] => expand(pattern, pattern, 0);

/** @param part of the pattern, behind or inside of so many lists */
function expand(part: string, pattern: string, lists: number): string[] {
  const open = part.indexOf("{");
  const close = open < 0 ? -1 : closingBrace(part, open);
  if (close < 0) return [part];
  if (lists === MAX_LISTS) throw new UserError(`${pattern}: has more than ${MAX_LISTS} lists in braces`);
  const head = part.slice(0, open);
  const inner = choices(part.slice(open + 1, close), pattern, lists + 1);
  const tails = expand(part.slice(close + 1), pattern, lists + 1);
  if (inner.length * tails.length > MAX_NAMES) throw tooMany(pattern);
  return inner.flatMap((choice) => tails.map((tail) => head + choice + tail));
}

function closingBrace(pattern: string, open: number): number {
  let depth = 0;
  for (let i = open; i < pattern.length; i++) {
    if (pattern[i] === "{") depth++;
    if (pattern[i] === "}" && --depth === 0) return i;
  }
  return -1;
}

function choices(inner: string, pattern: string, lists: number): string[] {
  const range = /^(\d+)\.\.(\d+)$/.exec(inner);
  if (range !== null) return countUp(range[1] ?? "", range[2] ?? "", pattern);
  const names: string[] = [];
  for (const part of splitTopLevel(inner)) {
    for (const name of expand(part, pattern, lists)) names.push(name);
    if (names.length > MAX_NAMES) throw tooMany(pattern);
  }
  return names;
}

/** 008..011 keeps its zeros: 008, 009, 010, 011. */
function countUp(first: string, last: string, pattern: string): string[] {
  const count = Number(last) - Number(first) + 1;
  if (count < 1) {
    throw new UserError(`${pattern}: the range ${first}..${last} counts down`, "Write the smaller number first");
  }
  if (count > MAX_NAMES) throw tooMany(pattern);
  const isPadded = (text: string) => text.length > 1 && text.startsWith("0");
  const width = isPadded(first) || isPadded(last) ? Math.max(first.length, last.length) : 0;
  return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(width, "0"));
}

function splitTopLevel(inner: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= inner.length; i++) {
    if (inner[i] === "{") depth++;
    if (inner[i] === "}") depth--;
    if (i < inner.length && (inner[i] !== "," || depth > 0)) continue;
    parts.push(inner.slice(start, i));
    start = i + 1;
  }
  return parts;
}

function tooMany(pattern: string): UserError {
  return new UserError(`${pattern}: stands for more than ${MAX_NAMES} files`, "Check the range");
}
