// @ts-check
/** What the set-up says: one line a step, and a bar under it when the output is a terminal. All of it goes to stderr,
 *  because stdout belongs to the command that the set-up was made for. */

/**
 * @typedef {object} Ui
 * @property {(text: string) => void} say a line
 * @property {(text: string) => void} detail a line for `--verbose` only
 * @property {(label: string, done: number, total: number | null) => void} bar bytes; overwritten in place
 */

/**
 * @param {{ verbose?: boolean, log?: ((line: string) => void) | undefined, stream?: NodeJS.WriteStream }} [options]
 * @returns {Ui}
 */
export function createUi({ verbose = false, log, stream = process.stderr } = {}) {
  const live = log === undefined && stream.isTTY === true;
  let drawn = false;
  const clear = () => {
    if (drawn) stream.write("\r\x1b[K");
    drawn = false;
  };
  const write = log ?? ((/** @type {string} */ line) => stream.write(`${line}\n`));
  const say = (/** @type {string} */ text) => {
    clear();
    write(`setup: ${text}`);
  };
  return {
    say,
    detail: (text) => {
      if (verbose) say(text);
    },
    bar: (label, done, total) => {
      if (!live) return;
      clear();
      stream.write(drawBar(label, done, total, stream.columns ?? 80));
      drawn = true;
    },
  };
}

/**
 * `torch.whl  [#####     ] 50%  257 of 514 MB`, cut to the terminal's width.
 * @param {string} label
 * @param {number} done
 * @param {number | null} total
 * @param {number} columns
 */
export function drawBar(label, done, total, columns) {
  if (total === null || total <= 0) return `  ${label}  ${megabytes(done)} MB`.slice(0, columns - 1);
  const share = Math.min(1, done / total);
  const numbers = `${Math.floor(share * 100)}%  ${megabytes(done)} of ${megabytes(total)} MB`;
  const width = Math.max(0, Math.min(30, columns - numbers.length - 20));
  const filled = Math.round(share * width);
  const name = label.length > 12 && columns < 100 ? `${label.slice(0, 11)}~` : label.slice(0, 40);
  return `  ${name} [${"#".repeat(filled)}${" ".repeat(width - filled)}] ${numbers}`.slice(0, columns - 1);
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return Math.round(bytes / 1e6).toLocaleString("en-US");
}

/** Seconds since `start` (of `performance.now()`), for the end of a line.
 *  @param {number} start */
export function since(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}
