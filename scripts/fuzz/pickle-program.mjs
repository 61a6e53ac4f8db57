// @ts-check
/** Pickles as programs: instructions that are put together and changed one by one, so that a machine goes far into them. */
import { pickled, pickledDictionary, pickledTensor } from "../../packages/rediff/dist/testing/torch-save.js";
import { bytes } from "./bytes.mjs";

/** @typedef {import("./seeded.mjs").Random} Random */

const { int, text, longText, tuple, global, float } = pickled;

/** Bytes behind an instruction: so many, or a length of so many bytes and what it says. @type {Record<string, number | { length: number }>} */
const ARGUMENTS = {
  "\x80": 1,
  "\x95": 8,
  K: 1,
  M: 2,
  J: 4,
  G: 8,
  q: 1,
  h: 1,
  r: 4,
  j: 4,
  "\x8a": { length: 1 },
  "\x8c": { length: 1 },
  X: { length: 4 },
};

/** As Latin-1; what does not end is one instruction, too.
 *  @param {Uint8Array} program */
function instructions(program) {
  const all = Buffer.from(program).toString("latin1");
  /** @type {string[]} */
  const found = [];
  for (let at = 0; at < all.length; ) {
    const start = at;
    const argument = ARGUMENTS[all[at] ?? ""] ?? 0;
    at++;
    if (typeof argument === "number") at += argument;
    else {
      let length = 0;
      for (let i = argument.length - 1; i >= 0; i--) length = length * 256 + (all.charCodeAt(at + i) || 0);
      at += argument.length + length;
    }
    found.push(all.slice(start, at));
  }
  return found;
}

/** Instructions that push one value. @param {Random} random @returns {string} */
function value(random) {
  return random.pick([
    () => int(random.pick([0, 1, 2, 4, -1, 255, 65536, 2 ** 31, 2 ** 40])),
    () => `K${String.fromCharCode(random.below(256))}`,
    () => random.pick(["N", "\x88", "\x89", "}", "]", ")"]),
    () => text("a".repeat(random.below(20))),
    () => longText("b".repeat(random.below(300))),
    () => float(random.next()),
    () => (random.oneIn(3) ? `${value(random)}\x85` : `${value(random)}${value(random)}\x86`),
    () => tuple(Array.from({ length: random.below(4) }, () => value(random))),
    () => `](${value(random)}${value(random)}e`,
    () => `${global("collections", "OrderedDict")})R`,
    () => tensor(random),
  ])();
}

/** Mostly one that there is: of the four numbers that the file has. @param {Random} random */
function tensor(random) {
  const [shape, stride, offset] = random.pick([
    [[2, 2], [2, 1], 0],
    [[2, 2], [1, 2], 0],
    [[1, 4], [4, 1], 0],
    [[3], [1], 1],
    [[4], [0], 3],
    [[1, 1, 1, 1], [0, 0, 0, 0], 2],
    [[2], [4], 0],
    [[1 << 20, 1 << 20], [0, 0], 0],
  ]);
  const made = pickledTensor({ shape: shape.map(int), stride: stride.map(int), offset: int(offset) });
  return random.oneIn(4) ? `${global("torch._utils", "_rebuild_parameter")}${tuple([made, "\x88", "}"])}R` : made;
}

/** What leaves the stack as it was. @param {Random} random */
function idle(random) {
  return random.pick([
    () => `q${String.fromCharCode(random.below(4))}`,
    () => "\x94",
    () => `${value(random)}b`,
    () => `\x95${"\0".repeat(8)}`,
    () => "\x80\x04",
    () => "q\x07h\x07b",
  ])();
}

/** A dictionary of tensors, with detours. @param {Random} random */
export function pickleProgram(random) {
  const entries = Array.from({ length: random.below(4) }, (_, i) => {
    const name = random.oneIn(2) ? text(`t${i}`) : longText(`layer.${i}.weight`);
    const detours = Array.from({ length: random.below(3) }, () => idle(random)).join("");
    return `${name}${random.oneIn(3) ? detours : ""}${tensor(random)}${detours}s`;
  });
  return new Uint8Array(pickledDictionary(entries.join("")));
}

/** One or a few instructions taken out, doubled, exchanged, put in, or given another argument.
 *  @param {Uint8Array} program @param {Random} random */
export function changedProgram(program, random) {
  const parts = instructions(program);
  for (let rounds = random.oneIn(2) ? 1 : 1 + random.below(4); rounds > 0; rounds--) {
    const at = random.below(parts.length);
    const one = parts[at] ?? "";
    random.pick([
      () => parts.splice(at, 1),
      () => parts.splice(at, 0, one),
      () => parts.splice(at, 0, idle(random)),
      () => parts.splice(at, 0, idle(random)),
      () => parts.splice(at, 0, value(random)),
      () => parts.splice(at, 1, parts[random.below(parts.length)] ?? ""),
      () => (isValue(one) ? parts.splice(at, 1, value(random)) : parts.splice(at, 0, idle(random))),
      () => parts.splice(random.below(parts.length), 0, ...parts.splice(at, 1 + random.below(4))),
    ])();
  }
  return bytes(parts.join(""));
}

/** @param {string} instruction */
const isValue = (instruction) => /^[KMJGX\x8a\x8cN\x88\x89})\]]/.test(instruction);
