/** One line on stderr that says how far a long task is. Silent unless stderr is a terminal. */
import { StatusLine, type TerminalStream } from "../../status-line.js";
import { formatBytes, formatDuration } from "../../units.js";

export interface ProgressOptions {
  label: string;
  /** Leave out when it is not known. */
  total?: number;
  /** "B" is shown as kB, MB, ...; others as they are, for example "pictures". */
  unit: string;
  /** What was done before this run: shown, but not counted into the speed. */
  initial?: number;
  stream?: TerminalStream;
  /** Milliseconds; for tests. */
  now?: () => number;
}

export interface Progress {
  /** `done` counts from the very beginning, `initial` included. */
  update(done: number): void;
  /** What the one under way is at, until the next `update`. */
  detail(text: string): void;
  /** A line of its own above the progress line; written whether or not stderr is a terminal. */
  note(line: string): void;
  /** Removes the line. */
  finish(): void;
}

const REDRAW_MS = 100;
/** The speed is that of the last seconds, not of the whole run: it has to follow a network that changes. */
const SPEED_WINDOW_MS = 5_000;

export function progress(options: ProgressOptions): Progress {
  const stream = options.stream ?? process.stderr;
  const now = options.now ?? (() => performance.now());
  const isShown = stream.isTTY === true;
  const samples: { at: number; done: number }[] = [{ at: now(), done: options.initial ?? 0 }];
  let drawnAt = Number.NEGATIVE_INFINITY;
  const line = new StatusLine(stream);
  let latest = options.initial ?? 0;

  return {
    detail(text) {
      const at = now();
      if (!isShown || at - drawnAt < REDRAW_MS) return;
      drawnAt = at;
      line.draw(`${describe(options, latest, undefined)}  ${text}`);
    },
    update(done) {
      latest = done;
      const at = now();
      if (!isShown || (at - drawnAt < REDRAW_MS && done !== options.total)) return;
      drawnAt = at;
      samples.push({ at, done });
      while (samples.length > 2 && at - (samples[0]?.at ?? at) > SPEED_WINDOW_MS) samples.shift();
      line.draw(describe(options, done, speedOf(samples)));
    },
    note: (text) => line.note(text),
    finish: () => line.clear(),
  };
}

/** Units per second over the window; undefined before there is anything to divide. */
function speedOf(samples: readonly { at: number; done: number }[]): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.at <= first.at || last.done <= first.done) return undefined;
  return ((last.done - first.done) * 1000) / (last.at - first.at);
}

function describe({ label, total, unit }: ProgressOptions, done: number, speed: number | undefined): string {
  const amount = (count: number) => (unit === "B" ? formatBytes(count) : `${Number(count.toFixed(1))} ${unit}`);
  const parts = [label];
  if (total === undefined) parts.push(amount(done));
  else {
    const percent = total > 0 ? Math.floor((100 * done) / total) : 100;
    parts.push(`${percent}%`, unit === "B" ? `${amount(done)} of ${amount(total)}` : `${done} of ${total} ${unit}`);
  }
  if (speed !== undefined) {
    parts.push(`${amount(speed)}/s`);
    if (total !== undefined && done < total) parts.push(`${formatDuration((total - done) / speed)} left`);
  }
  return parts.join("  ");
}
