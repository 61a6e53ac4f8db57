/** One line of a terminal that is drawn anew in its place, with lines of their own above it, and with what belongs to it
 *  below. */
import { printable } from "./printable.js";

const CLEAR_LINE = "\r\x1b[K";
const CLEAR_ABOVE = "\x1b[1A\x1b[K";

export interface TerminalStream {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  rows?: number | undefined;
  write(text: string): unknown;
}

export class StatusLine {
  readonly #stream: TerminalStream;
  #shown: string[] = [];

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  /** Cut to the terminal's width, which a terminal that does not know its size calls 0. */
  draw(text: string, below: readonly string[] = []): void {
    const width = Math.max(20, (this.#stream.columns || 80) - 1);
    const erased = this.#erasing;
    this.#shown = [text, ...below].map((line) => printable(line, "line").slice(0, width));
    this.#stream.write(erased + this.#text);
  }

  /** Writes a line of its own above what is drawn. */
  note(given: string): void {
    const text = printable(given);
    this.#stream.write(this.#isEmpty ? `${text}\n` : `${this.#erasing}${text}\n${this.#text}`);
  }

  /** Removes what is drawn. */
  clear(): void {
    if (!this.#isEmpty) this.#stream.write(this.#erasing);
    this.#shown = [];
  }

  /** Leaves what is drawn to be read, and goes on below it. */
  keep(): void {
    if (!this.#isEmpty) this.#stream.write("\n");
    this.#shown = [];
  }

  get #text(): string {
    return this.#shown.join("\n");
  }

  get #isEmpty(): boolean {
    return this.#text === "";
  }

  /** From the end of what is drawn to its beginning. */
  get #erasing(): string {
    return CLEAR_LINE + CLEAR_ABOVE.repeat(Math.max(0, this.#shown.length - 1));
  }
}
