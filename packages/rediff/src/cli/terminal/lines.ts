/** How commands say things: notes on stderr, answers on stdout. What comes from others (file names, models, hubs, records)
 *  cannot steer the terminal; what is piped elsewhere stays as it is. */
import { printable } from "../../printable.js";

export function noteLine(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** A line with colours of our own; what comes from others in it is `printable` already. */
export function paintedLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function answerLine(text: string): void {
  process.stdout.write(`${process.stdout.isTTY ? printable(text) : text}\n`);
}
