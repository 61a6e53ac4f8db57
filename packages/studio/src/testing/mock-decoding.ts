/** Decoding by script: which words come, which of them are wrong at first, and in which order masks are filled. */
import type { Change, TraceEvent } from "../trace/trace.js";

export interface Script {
  /** Right words, in order. */
  words: readonly string[];
  /** What is written first, by position. With revising it is mended later. */
  wrong: Readonly<Record<number, string>>;
}

const words = (text: string) => text.split(" ");

export const scripts = {
  repaired: {
    words: words(
      "there are three soccer balls at the top right and a large dog in the top left corner . the background is blue .",
    ),
    wrong: { 2: "two", 4: "ball", 12: "cat", 20: "picture", 22: "green" },
  },
  short: { words: words("a dog ."), wrong: {} },
} as const satisfies Record<string, Script>;

export const END = "<|eot_id|>";

/** One pass of revising after all is filled mends what the passes before have not. */
export function* decodeByScript(
  { words, wrong }: Script,
  { revise, perStep, length }: { revise: boolean; perStep: number; length: number },
): Generator<TraceEvent> {
  const right = Array.from({ length }, (_, i) => words[i] ?? END);
  const planned = Math.ceil(length / perStep);
  yield { type: "start", gen_length: length, steps: planned, mask: "[MASK]", image_tokens: 36 };
  const order = shuffled(length);
  const toMend: number[] = [];
  const written = new Array<string>(length).fill("");
  let edits = 0;
  let step = 0;
  for (let from = 0; from < length; from += perStep) {
    const changes: Change[] = [];
    if (revise) {
      for (const position of toMend.splice(0, from === 0 ? 0 : 1)) {
        changes.push(change(position, right[position] ?? END, 0.97, "revise"));
        edits++;
      }
    }
    for (const position of order.slice(from, from + perStep)) {
      const token = wrong[position] ?? right[position] ?? END;
      if (wrong[position] !== undefined) toMend.push(position);
      changes.push(change(position, token, confidenceOf(position, wrong[position] !== undefined), "fill"));
    }
    for (const { position, token } of changes) written[position] = token;
    yield { type: "step", step: step++, block: 0, changes, seconds: 0.021 };
  }
  if (revise && toMend.length > 0) {
    const changes = toMend.map((position) => change(position, right[position] ?? END, 0.94, "revise"));
    edits += changes.length;
    for (const { position, token } of changes) written[position] = token;
    yield { type: "step", step: step++, block: 0, changes, seconds: 0.021 };
  }
  const end = written.findIndex((token) => token.includes(END));
  const text = written
    .slice(0, end < 0 ? length : end)
    .join("")
    .trim();
  yield { type: "end", text, steps: step, tokens: length, edits, seconds: step * 0.021, stopped: false };
}

function change(position: number, word: string, confidence: number, kind: Change["kind"]): Change {
  const token = position === 0 || /^[.,?!]$/.test(word) || word === END ? word : ` ${word}`;
  return { position, token, id: 10 + position, confidence, kind };
}

function confidenceOf(position: number, wrong: boolean): number {
  const base = wrong ? 0.32 : 0.62;
  return Math.round((base + ((position * 37) % 35) / 100) * 100) / 100;
}

/** The same order every time, and no simple one. */
function shuffled(length: number): number[] {
  return Array.from({ length }, (_, i) => i).sort((a, b) => ((a * 29 + 11) % 37) - ((b * 29 + 11) % 37) || a - b);
}

export interface TextAnswer {
  text: string;
  /** Of a refinement. */
  edits?: readonly { start: number; end: number; from: string; to: string; confidence: number }[];
  /** Of a filling. */
  blanks?: readonly { start: number; end: number; text: string }[];
}

/** A refinement or a filling word by word: what is given stands at the start, one pass writes the rest. */
export function* textEvents(asked: string, { text, edits, blanks = [] }: TextAnswer): Generator<TraceEvent> {
  const words = (whole: string) =>
    [...whole.matchAll(/\s*\S+/g)].map(({ index, 0: token }) => ({ start: index, token }));
  const inside = (place: number, spans: readonly { start: number; end: number }[]) =>
    spans.some(({ start, end }) => place >= start && place < end);
  const first = ({ start, token }: { start: number; token: string }) => start + token.length - token.trimStart().length;
  const written = words(text);
  const before = edits === undefined ? written : words(asked);
  const given = before.flatMap((word, position) =>
    inside(first(word), blanks) ? [] : [{ position, token: word.token, id: position }],
  );
  yield { type: "start", gen_length: written.length, steps: 2, mask: "[MASK]", image_tokens: 36, given };
  yield { type: "step", step: 0, block: 0, changes: [], seconds: 0.02 };
  const changes = written.flatMap(({ token }, position): Change[] => {
    if (given.some((one) => one.position === position && one.token === token)) return [];
    return [{ position, token, id: position, confidence: 0.9, kind: edits === undefined ? "fill" : "revise" }];
  });
  yield { type: "step", step: 1, block: 0, changes, seconds: 0.02 };
  const counts = { steps: 2, tokens: written.length, edits: edits?.length ?? 0 };
  yield { type: "end", text, ...counts, seconds: 0.04, stopped: false };
}
