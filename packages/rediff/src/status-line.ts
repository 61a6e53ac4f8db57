/** One line of a terminal that is drawn anew in its place, with lines of their own above it. */
import { printable } from "./printable.js";

const CLEAR_LINE = "\r\x1b[K";

export interface TerminalStream {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  write(text: string): unknown;
}

export class StatusLine {
  readonly #stream: TerminalStream;
  #shown = "";

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  /** Cut to the terminal's width, which a terminal that does not know its size calls 0. */
  draw(text: string): void {
    this.#shown = printable(text, "line").slice(0, Math.max(20, (this.#stream.columns || 80) - 1));
    this.#stream.write(CLEAR_LINE + this.#shown);
  }

  /** Writes a line of its own above what is drawn. */
  note(given: string): void {
    const text = printable(given);
    this.#stream.write(this.#shown === "" ? `${text}\n` : `${CLEAR_LINE}${text}\n${this.#shown}`);
  }

  /** Removes what is drawn. */
  clear(): void {
    if (this.#shown !== "") this.#stream.write(CLEAR_LINE);
    this.#shown = "";
  }

  /** Leaves what is drawn to be read, and goes on below it. */
  keep(): void {
    if (this.#shown !== "") this.#stream.write("\n");
    this.#shown = "";
  }
}
