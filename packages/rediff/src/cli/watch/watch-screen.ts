/** Watching in a terminal: a page that is drawn anew about each second, on a screen of its own that gives the old one back,
 *  until q or Ctrl-C. Its last state stays below what was there before. */
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors.js";
import { errorText } from "../terminal/error-text.js";
import { lineText, type PaintedLine } from "./painted-line.js";
import { watchPage } from "./watch-page.js";
import type { Sight, WatchedFolder } from "./watched.js";

/** Parts of process.stdin and process.stdout. */
export interface WatchTerminal {
  input: {
    isTTY?: boolean | undefined;
    setRawMode?: (isRaw: boolean) => unknown;
    on(event: "data", listener: (keys: Buffer | string) => void): unknown;
    off(event: "data", listener: (keys: Buffer | string) => void): unknown;
    resume(): unknown;
    pause(): unknown;
  };
  output: {
    columns?: number | undefined;
    rows?: number | undefined;
    write(text: string): unknown;
    on(event: "resize", listener: () => void): unknown;
    off(event: "resize", listener: () => void): unknown;
  };
}

export interface WatchOptions {
  /** Milliseconds between two looks; default 1000. */
  everyMs?: number;
}

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const FOOTER: PaintedLine = [{ text: "q ends", paint: "faint" }];
/** The last two are Ctrl-C and Ctrl-D. */
const ENDING = ["q", "Q", "\x03", "\x04"];
/** Keys that have no sign come as several, which may be any (F2 has a Q). */
const isEnding = (keys: string): boolean => !keys.startsWith("\x1b") && [...keys].some((key) => ENDING.includes(key));

/** Returns, when it was told to end, what it showed last: lines for the terminal. */
export async function watchLive(
  folders: readonly WatchedFolder[],
  { input, output }: WatchTerminal,
  { everyMs = 1000 }: WatchOptions = {},
): Promise<string[]> {
  const told = new AbortController();
  const end = () => told.abort();
  const onKeys = (keys: Buffer | string) => {
    if (isEnding(String(keys))) end();
  };
  let sights: Sight[] = [];
  let drawn = "";
  const page = () => pageText(sights, output);
  const draw = () => {
    const text = [...page(), ...pageOf([FOOTER], output)].map((line) => `${line}\x1b[K`).join("\r\n");
    if (text !== drawn) output.write(`\x1b[H${text}\x1b[J`);
    drawn = text;
  };
  const onResize = () => {
    drawn = "";
    draw();
  };
  const isKeyboard = input.isTTY === true;
  output.write(ENTER);
  try {
    process.on("SIGINT", end).on("SIGTERM", end);
    output.on("resize", onResize);
    if (isKeyboard) {
      input.setRawMode?.(true);
      input.on("data", onKeys);
      input.resume();
    }
    while (!told.signal.aborted) {
      sights = folders.map(look);
      draw();
      await sleep(everyMs, undefined, { signal: told.signal }).catch(() => undefined);
    }
  } finally {
    if (isKeyboard) {
      input.off("data", onKeys);
      input.setRawMode?.(false);
      input.pause();
    }
    output.off("resize", onResize);
    process.off("SIGINT", end).off("SIGTERM", end);
    output.write(LEAVE);
  }
  return page();
}

/** What cannot be read now (a network disk, rights that are being set) may be there the next time. */
function look(folder: WatchedFolder): Sight {
  try {
    return folder.look();
  } catch (error) {
    if (error instanceof UserError) return { problem: errorText(error) };
    throw error;
  }
}

/** A terminal that does not know its size says 0. */
function pageText(sights: readonly Sight[], output: WatchTerminal["output"]): string[] {
  const height = Math.max(8, (output.rows || 24) - 1);
  const width = Math.max(40, (output.columns || 80) - 1);
  return pageOf(watchPage(sights, { width, height, isColoured: true }, Date.now()), output);
}

const pageOf = (lines: readonly PaintedLine[], { columns }: WatchTerminal["output"]): string[] =>
  lines.map((line) => lineText(line, Math.max(40, (columns || 80) - 1), true));
