/** The stable prefix of an answer: the text that can no longer change, handed out piece by piece.
 *
 *  Tokens come in any order, and a revision may write them again, so only a prefix may be shown to a client that cannot
 *  take back what it has shown: without revision up to the first mask, with it up to the current block.
 *
 *  Stop texts are looked for in the text, not only in the tokens: "." may be a part of a longer token. */
import type { Decoding } from "../../diffusion/decoder.js";
import type { Tokenizer } from "../../text/tokenizer.js";

/** Positions of the answer, counted from its start, that are there to stay. */
export function stableLength({ canvas, options, step }: Decoding): number {
  if (step === undefined) return 0;
  const firstMask = step.tokens.indexOf(canvas.maskId);
  let end = firstMask < 0 ? options.genLength : firstMask;
  if (options.revise) end = Math.min(end, step.block * options.blockLength);
  const stop = canvas.find(options.stop);
  return stop < 0 ? end : Math.min(end, stop - canvas.promptLength);
}

/** Where the first of the stop texts begins, -1 for none. */
export function findStop(text: string, stops: readonly string[]): number {
  const found = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

/** Characters at the end of `text` that must wait: half a character, or what may be the beginning of a stop text. */
export function unsureTail(text: string, stops: readonly string[]): number {
  let tail = 0;
  while (text.at(-1 - tail) === "\ufffd") tail++;
  for (const stop of stops)
    for (let length = Math.min(stop.length - 1, text.length); length > tail; length--)
      if (text.endsWith(stop.slice(0, length))) tail = length;
  return tail;
}

export class StablePrefix {
  readonly #tokenizer: Tokenizer;
  readonly #stops: readonly string[];
  #end = 0;
  #given = "";
  /** Of the stable tokens, cut off at a stop text. */
  text = "";
  /** A stop text is in what is stable. */
  stopped = false;

  constructor(tokenizer: Tokenizer, stops: readonly string[]) {
    this.#tokenizer = tokenizer;
    this.#stops = stops;
  }

  /** Tokens that are stable. */
  get tokens(): number {
    return this.#end;
  }

  /** @param end of `tokens`, how many are stable
   *  @returns the text that is new; it joins to `text` in the end */
  advance(tokens: Int32Array, end: number): string {
    if (end <= this.#end || this.stopped) return "";
    this.#end = end;
    this.#take(this.#decode(tokens.subarray(0, end)));
    return this.stopped
      ? this.#give(this.text)
      : this.#give(this.text.slice(0, -unsureTail(this.text, this.#stops) || undefined));
  }

  /** @param tokens of the whole answer @returns what is left of its text */
  finish(tokens: ArrayLike<number>): string {
    if (!this.stopped) this.#take(this.#decode(tokens));
    return this.#give(this.text);
  }

  #decode(tokens: ArrayLike<number>): string {
    return this.#tokenizer.decode(tokens, { skipSpecialTokens: true });
  }

  #take(text: string): void {
    const stop = findStop(text, this.#stops);
    this.stopped = stop >= 0;
    this.text = this.stopped ? text.slice(0, stop) : text;
  }

  #give(text: string): string {
    // A tokenizer that cleans up spaces may change a prefix when more follows; what was given cannot be taken back.
    if (text.length <= this.#given.length || !text.startsWith(this.#given)) return "";
    const fresh = text.slice(this.#given.length);
    this.#given = text;
    return fresh;
  }
}
