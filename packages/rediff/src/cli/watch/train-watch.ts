/** `rediff train --watch DIR...`: runs as their folders have them. Nothing of them is written, and no lock is taken. */
import { begin } from "../exit-status.js";
import { answerLine, paintedLine } from "../terminal/lines.js";
import { lineText } from "./painted-line.js";
import { watchPage } from "./watch-page.js";
import { watchLive } from "./watch-screen.js";
import { type Sight, WatchedFolder } from "./watched.js";

export interface WatchFlags {
  once: boolean;
  json: boolean;
}

/** Of a file, which has none. */
const FILE_WIDTH = 100;

/** @throws UserError for a folder in which nothing was trained and nobody is at work */
export async function watchTraining(folders: readonly string[], { once, json }: WatchFlags): Promise<void> {
  const watched = folders.map((folder) => WatchedFolder.open(folder));
  const { stdin, stdout } = process;
  begin();
  if (json) for (const folder of watched) answerLine(JSON.stringify(told(folder.look())));
  else if (once || !stdout.isTTY) {
    const isColoured = stdout.isTTY === true;
    const width = stdout.columns || FILE_WIDTH;
    const sights = watched.map((folder) => folder.look());
    // Lines of words may be longer: a terminal breaks them, a file holds them.
    for (const line of watchPage(sights, { width, isColoured }, Date.now()))
      paintedLine(lineText(line, Number.POSITIVE_INFINITY, isColoured).trimEnd());
  } else for (const line of await watchLive(watched, { input: stdin, output: stdout })) paintedLine(line);
}

const told = ({ run, loop }: Sight): object => ({
  ...run?.summary,
  ...(loop && {
    loop: { folder: loop.folder, at_work: loop.isAtWork, ...loop.done, rounds: loop.rounds },
  }),
});
