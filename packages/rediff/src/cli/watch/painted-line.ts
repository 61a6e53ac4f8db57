/** Lines of text of which parts have a colour: that of the run they belong to. */
import { printable } from "../../printable.js";

export interface Span {
  text: string;
  /** Which of the runs, from 0; or `faint`. */
  paint?: number | "faint" | undefined;
}

export type PaintedLine = readonly Span[];

/** Cyan, yellow, magenta, green, blue, red: told from each other on light and dark ground. */
const COLOURS = [36, 33, 35, 32, 34, 31];

/** Cut to `width` signs. What comes from others cannot steer the terminal. */
export function lineText(line: PaintedLine, width: number, isColoured: boolean): string {
  let left = width;
  let text = "";
  for (const span of line) {
    const signs = [...printable(span.text, "line")].slice(0, left);
    left -= signs.length;
    const part = signs.join("");
    if (part === "") continue;
    text += isColoured && span.paint !== undefined ? painted(part, span.paint) : part;
  }
  return text;
}

const painted = (text: string, paint: number | "faint"): string =>
  paint === "faint" ? `\x1b[2m${text}\x1b[22m` : `\x1b[${COLOURS[paint % COLOURS.length]}m${text}\x1b[39m`;
