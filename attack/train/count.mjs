// What became of the attacks of one kind.

/** Of what is wrong, so much is told in words. */
const TOLD = 6;

export class Count {
  tried = 0;
  /** Went on with equal losses and weights. */
  equal = 0;
  /** Ended in one clear line first; what went on afterwards was equal. */
  refused = 0;
  wrong = 0;
  /** @type {string[]} */
  told = [];

  /** @param {string} title @param {string} [note] why nothing was tried */
  constructor(title, note) {
    this.title = title;
    this.note = note;
  }

  /** @param {"equal" | "refused"} what */
  right(what) {
    this.tried++;
    this[what]++;
  }

  /** @param {string} what in words */
  fail(what) {
    this.tried++;
    this.wrong++;
    if (this.told.length < TOLD) this.told.push(what.trim().slice(0, 500));
  }
}

/** Rows of a table, made as they are needed. */
export class Counts {
  /** @type {Map<string, Count>} */
  #rows = new Map();

  /** @param {string} title */
  of(title) {
    const row = this.#rows.get(title) ?? new Count(title);
    this.#rows.set(title, row);
    return row;
  }

  /** @param {string} title @param {string} why */
  notTried(title, why) {
    this.#rows.set(title, new Count(title, why));
  }

  get rows() {
    return [...this.#rows.values()];
  }
}

/** Whether what a command said at its end is one line that a person can act on, and no error of the system's.
 *  @param {string} said */
export function isClear(said) {
  const line = said.trimEnd().split("\n").at(-1) ?? "";
  return /^rediff: .*\. [A-Z`]/.test(line) && !/\bE[A-Z]{3,}\b|\n\s+at /.test(said);
}
