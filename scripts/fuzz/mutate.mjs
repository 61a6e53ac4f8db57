// @ts-check
/** Inputs that are nearly right: a valid one with some bytes changed, moved, repeated or taken away. */
import { bytes, integer, utf8 } from "./bytes.mjs";

/** @typedef {import("./seeded.mjs").Random} Random */

/** Where counts and lengths turn: signs, widths, what doubles hold exactly. */
const NUMBERS = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  15n,
  16n,
  31n,
  63n,
  64n,
  127n,
  128n,
  255n,
  256n,
  1000n,
  4095n,
  4096n,
  32767n,
  32768n,
  65535n,
  65536n,
  1000000n,
  0x7fffffffn,
  0x80000000n,
  0xfffffff0n,
  0xffffffffn,
  0x100000000n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const WRITTEN = [...NUMBERS.map(String), "-1", "-0", "0.5", "1e9", "1e308", "1e400", "00", "9".repeat(40)];

/** Most inputs are small, so that many run; one in some hundreds is large, for what takes quadratic time. */
const LARGE_ONE_IN = 200;
const LARGE_BYTES = 1 << 18;

/**
 * @param {Random} random
 * @param {{ corpus: readonly Uint8Array[], dictionary: readonly (string | Uint8Array)[], maxBytes: number }} material
 *   maxBytes: of an input
 * @returns {Uint8Array}
 */
export function mutated(random, { corpus, dictionary, maxBytes }) {
  let input = random.pick(corpus);
  const words = dictionary.map((word) => (typeof word === "string" ? utf8(word) : word));
  const rounds = random.oneIn(2) ? 1 : 1 + random.below(random.oneIn(4) ? 16 : 4);
  for (let i = 0; i < rounds; i++) input = random.pick(CHANGES)(input, { random, corpus, words });
  if (random.oneIn(LARGE_ONE_IN)) input = grown(input, random, words, Math.min(maxBytes, LARGE_BYTES));
  return input.length > maxBytes ? input.slice(0, maxBytes) : input;
}

/** @typedef {{ random: Random, corpus: readonly Uint8Array[], words: readonly Uint8Array[] }} Tools */
/** @typedef {(input: Uint8Array, tools: Tools) => Uint8Array} Change */

/** @param {Uint8Array} input @param {number} from @param {number} to @param {Uint8Array} middle */
function replaced(input, from, to, middle) {
  return bytes(input.subarray(0, from), middle, input.subarray(to));
}

/** A place and a length, mostly short.
 *  @param {Uint8Array} input @param {Random} random @returns {[from: number, to: number]} */
function piece(input, random) {
  const from = random.below(input.length + 1);
  const length = random.below(random.oneIn(3) ? input.length : 16) + 1;
  return [from, Math.min(from + length, input.length)];
}

/** @type {Change} */
function flip(input, { random }) {
  if (input.length === 0) return input;
  const out = input.slice();
  const at = random.below(out.length);
  out[at] = (out[at] ?? 0) ^ (1 << random.below(8));
  return out;
}

/** @type {Change} */
function overwrite(input, { random }) {
  const [from, to] = piece(input, random);
  return replaced(input, from, to, random.bytes(Math.min(to - from, 8)));
}

/** @type {Change} */
function insert(input, { random }) {
  const at = random.below(input.length + 1);
  return replaced(input, at, at, random.bytes(1 + random.below(4)));
}

/** @type {Change} */
function cut(input, { random }) {
  return replaced(input, ...piece(input, random), new Uint8Array());
}

/** @type {Change} */
function cutOff(input, { random }) {
  return random.oneIn(3) ? input.slice(0, random.below(input.length + 1)) : input;
}

/** @type {Change} */
function repeat(input, { random }) {
  const [from, to] = piece(input, random);
  const times = random.oneIn(8) ? random.below(200) : 1 + random.below(4);
  if ((to - from) * times > 8192) return input;
  return replaced(input, to, to, bytes(...Array.from({ length: times }, () => input.subarray(from, to))));
}

/** @type {Change} */
function move(input, { random }) {
  const [from, to] = piece(input, random);
  const taken = input.slice(from, to);
  const rest = replaced(input, from, to, new Uint8Array());
  const at = random.below(rest.length + 1);
  return replaced(rest, at, at, taken);
}

/** @type {Change} */
function splice(input, { random, corpus }) {
  const other = random.pick(corpus);
  const [from, to] = piece(other, random);
  return replaced(input, ...piece(input, random), other.subarray(from, to));
}

/** @type {Change} */
function word(input, { random, words }) {
  if (words.length === 0) return insert(input, { random, corpus: [], words });
  const [from, to] = piece(input, random);
  return replaced(input, from, random.oneIn(2) ? from : to, random.pick(words));
}

/** An integer in the place of one: best where there is a small one, as lengths, counts and offsets are.
 *  @type {Change} */
function number(input, { random }) {
  const width = random.pick([1, 2, 4, 8]);
  if (input.length < width) return input;
  const isLittle = random.oneIn(2);
  let at = 0;
  for (let tries = 0; tries < 8; tries++) {
    at = random.below(input.length - width + 1);
    const high = isLittle ? at + width - 1 : at;
    const low = isLittle ? at : at + width - 1;
    if ((input[high] === 0 || width === 1) && input[low] !== 0) break;
  }
  const near = BigInt(random.pick([input.length, input.length - at, at, at + width]));
  const value = random.oneIn(3) ? near : random.pick(NUMBERS) + BigInt(random.below(3) - 1);
  return replaced(input, at, at + width, integer(width, value, isLittle));
}

const isDigit = (/** @type {number | undefined} */ byte) => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** A number written in digits.
 *  @type {Change} */
function digits(input, { random }) {
  const start = random.below(input.length);
  let from = start;
  while (from < input.length && !isDigit(input[from])) from++;
  if (from === input.length) return input;
  let to = from;
  while (isDigit(input[to])) to++;
  return replaced(input, from, to, utf8(random.pick(WRITTEN)));
}

/** Deep in each other.
 *  @type {Change} */
function nest(input, { random, words }) {
  if (!random.oneIn(4)) return input;
  const [from, to] = piece(input, random);
  const bracket = random.pick([...words, utf8("["), utf8("{"), utf8("("), utf8('{"a":')]);
  const times = 1 + random.below(random.oneIn(4) ? 4000 : 100);
  return replaced(input, from, to, bytes(...Array.from({ length: times }, () => bracket)));
}

/** @type {readonly Change[]} */
const CHANGES = [flip, overwrite, insert, cut, cutOff, repeat, move, splice, word, word, number, number, digits, nest];

/** What expressions with two stars stumble over. */
const RUNS = [
  " ",
  "\n",
  "\t",
  "\\",
  '"',
  "[",
  "{",
  "(",
  "<",
  "=",
  "-",
  "a",
  "0",
  ",",
  "%",
  "\0",
  '\\"',
  "[]",
  '{"a":',
].map(utf8);

/** What recursion stumbles over. @type {readonly (readonly [open: string, close: string])[]} */
const PAIRS = [
  ["[", "]"],
  ["(", ")"],
  ["{", "}"],
  ["[", "]"],
];

/** The same with one piece, word or sign repeated until it is large.
 *  @param {Uint8Array} input @param {Random} random @param {readonly Uint8Array[]} words @param {number} size */
function grown(input, random, words, size) {
  const [from, to] = piece(input, random);
  if (random.oneIn(4)) {
    const [open, close] = random.pick(PAIRS);
    const depth = random.below(size >> 1);
    return bytes(
      input.subarray(0, from),
      Buffer.alloc(depth, open),
      input.subarray(from, to),
      Buffer.alloc(depth, close),
      input.subarray(to),
    );
  }
  const chunk = random.oneIn(3) ? input.subarray(from, to) : random.pick(random.oneIn(3) ? [...words, ...RUNS] : RUNS);
  return chunk.length === 0 ? input : replaced(input, to, to, Buffer.alloc(random.below(size), chunk));
}
