/** One line on stderr that says how far a long task is. Silent unless stderr is a terminal. */
import { formatBytes } from "../../units.js";

export interface ProgressOptions {
  label: string;
  /** Leave out when it is not known. */
  total?: number;
  /** "B" is shown as kB, MB, ...; others as they are, for example "pictures". */
  unit: string;
  /** What was done before this run: shown, but not counted into the speed. */
  initial?: number;
  stream?: ProgressStream;
  /** Milliseconds; for tests. */
  now?: () => number;
}

export interface ProgressStream {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  write(text: string): unknown;
}

export interface Progress {
  /** `done` counts from the very beginning, `initial` included. */
  update(done: number): void;
  /** A line of its own above the progress line; written whether or not stderr is a terminal. */
  note(line: string): void;
  /** Removes the line. */
  finish(): void;
}

const REDRAW_MS = 100;
/** The speed is that of the last seconds, not of the whole run: it has to follow a network that changes. */
const SPEED_WINDOW_MS = 5_000;
const CLEAR_LINE = "\r\x1b[K";

export function progress(options: ProgressOptions): Progress {
  const stream = options.stream ?? process.stderr;
  const now = options.now ?? (() => performance.now());
  const isShown = stream.isTTY === true;
  const samples: { at: number; done: number }[] = [{ at: now(), done: options.initial ?? 0 }];
  let drawnAt = Number.NEGATIVE_INFINITY;
  let line = "";

  const draw = (done: number) => {
    line = describe(options, done, speedOf(samples)).slice(0, Math.max(20, (stream.columns || 80) - 1));
    stream.write(CLEAR_LINE + line);
  };

  return {
    update(done) {
      const at = now();
      if (!isShown || (at - drawnAt < REDRAW_MS && done !== options.total)) return;
      drawnAt = at;
      samples.push({ at, done });
      while (samples.length > 2 && at - (samples[0]?.at ?? at) > SPEED_WINDOW_MS) samples.shift();
      draw(done);
    },
    note(text) {
      stream.write(isShown && line ? `${CLEAR_LINE}${text}\n${line}` : `${text}\n`);
    },
    finish() {
      if (line) stream.write(CLEAR_LINE);
      line = "";
    },
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

/** 3725 -> "1h02m", 65 -> "1m05s". */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
}
