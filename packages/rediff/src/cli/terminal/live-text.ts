/** The answer as it forms, redrawn in place: masks as shades, what was just filled bold, what was just revised in
 *  colour. For terminals only. */
import type { DecodeStep } from "../../diffusion/decode-step.js";
import { type RunStyle, styledRuns } from "../../inference/forming/step-text.js";
import { printable } from "../../printable.js";
import type { Tokenizer } from "../../text/tokenizer.js";

const PAINT: Record<RunStyle, [string, string]> = {
  mask: ["\x1b[2m", "\x1b[22m"],
  plain: ["", ""],
  filled: ["\x1b[1m", "\x1b[22m"],
  revised: ["\x1b[33;1m", "\x1b[39;22m"],
};

export interface LiveStream {
  columns?: number | undefined;
  rows?: number | undefined;
  write(text: string): unknown;
}

export class LiveText {
  readonly #stream: LiveStream;
  readonly #tokenizer: Tokenizer;
  #lines = 0;
  #text: string[] = [];

  constructor(stream: LiveStream, tokenizer: Tokenizer) {
    this.#stream = stream;
    this.#tokenizer = tokenizer;
  }

  draw(step: DecodeStep): void {
    const room = Math.max(3, (this.#stream.rows || 24) - 2);
    this.#text = wrap(styledRuns(this.#tokenizer, step), this.#width).slice(-room);
    this.#show(this.#text);
  }

  /** A line below the text, until the next step. */
  drawBelow(line: string): void {
    const [on, off] = PAINT.mask;
    this.#show([...this.#text, `${on}${printable(line, "line").slice(0, this.#width)}${off}`]);
  }

  /** Removes what was drawn. */
  clear(): void {
    this.#erase();
    this.#text = [];
  }

  /** A terminal that does not know its size says 0. */
  get #width(): number {
    return Math.max(20, (this.#stream.columns || 80) - 1);
  }

  #show(lines: readonly string[]): void {
    this.#erase();
    this.#stream.write(lines.join("\n"));
    this.#lines = lines.length;
  }

  #erase(): void {
    if (this.#lines === 0) return;
    this.#stream.write(`\r\x1b[K${"\x1b[1A\x1b[K".repeat(this.#lines - 1)}`);
    this.#lines = 0;
  }
}

/** Breaks runs into lines of `width` characters, each closed with its own colours. */
export function wrap(runs: readonly { style: RunStyle; text: string }[], width: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  const flush = () => {
    lines.push(line);
    line = "";
    used = 0;
  };
  for (const { style, text } of runs) {
    const [on, off] = PAINT[style];
    for (const [i, part] of text.split("\n").entries()) {
      if (i > 0) flush();
      // Control characters would move the cursor; a model may write any.
      const characters = [...printable(part, "line")];
      while (characters.length > 0) {
        if (used === width) flush();
        const piece = characters.splice(0, width - used);
        line += on + piece.join("") + off;
        used += piece.length;
      }
    }
  }
  flush();
  return lines;
}
