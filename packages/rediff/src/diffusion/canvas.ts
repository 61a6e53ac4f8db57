/** The sequence being written: prompt rows, answer rows, suffix rows, and which of them are still masks.
 *
 *  Positions are rows of the whole sequence, so the answer is [promptLength, answerEnd). The reference finds masks by
 *  comparing embeddings; here a row is masked when its id is the mask's, and prompt rows never are. Fixed rows keep
 *  the draft's token. */
import { UserError } from "../errors.js";

export interface Write {
  row: number;
  id: number;
}

export class Canvas {
  readonly promptLength: number;
  readonly answerEnd: number;
  readonly length: number;
  readonly maskId: number;
  /** Token ids; prompt rows hold the mask's id, as in the reference's traces, since they may be pictures. */
  readonly ids: Int32Array;
  readonly #masked: Uint8Array;
  readonly #fixed: ReadonlySet<number>;
  #pending = new Map<number, number>();

  constructor(
    promptLength: number,
    options: {
      genLength: number;
      draft: readonly number[];
      suffix: readonly number[];
      maskId: number;
      /** Positions of the draft. */
      fixed?: readonly number[];
    },
  ) {
    const { genLength, draft, suffix, maskId, fixed = [] } = options;
    const hole = fixed.find((position) => draft[position] === maskId);
    if (hole !== undefined) throw new UserError(`position ${hole} of the draft is fixed, but a mask`);
    this.promptLength = promptLength;
    this.answerEnd = promptLength + genLength;
    this.length = this.answerEnd + suffix.length;
    this.maskId = maskId;
    this.ids = new Int32Array(this.length).fill(maskId);
    this.ids.set(draft, promptLength);
    this.ids.set(suffix, this.answerEnd);
    this.#masked = new Uint8Array(this.length);
    this.#fixed = new Set(fixed.map((position) => promptLength + position));
    for (let row = promptLength; row < this.length; row++) {
      this.#masked[row] = this.ids[row] === maskId ? 1 : 0;
      this.#pending.set(row, this.ids[row] as number);
    }
  }

  isMasked(row: number): boolean {
    return this.#masked[row] === 1;
  }

  /** Masked rows of [from, to), in order. */
  masked(from: number, to: number): number[] {
    return this.#rows(from, to, 1);
  }

  /** Rows of [from, to) that hold a token, in order. */
  written(from: number, to: number): number[] {
    return this.#rows(from, to, 0);
  }

  #rows(from: number, to: number, state: number): number[] {
    const rows: number[] = [];
    for (let row = from; row < to; row++) if (this.#masked[row] === state) rows.push(row);
    return rows;
  }

  /** Rows of [from, to) that hold a token which may be replaced, in order. */
  revisable(from: number, to: number): number[] {
    const rows = this.written(from, to);
    return this.#fixed.size === 0 ? rows : rows.filter((row) => !this.#fixed.has(row));
  }

  isFixed(row: number): boolean {
    return this.#fixed.has(row);
  }

  hasMask(from: number, to: number): boolean {
    for (let row = from; row < to; row++) if (this.#masked[row] === 1) return true;
    return false;
  }

  /** Writing the mask's id leaves (or makes) a row masked: a model may say so. */
  write(row: number, id: number): void {
    if (this.#fixed.has(row)) throw new Error(`row ${row} is fixed`);
    this.ids[row] = id;
    this.#masked[row] = id === this.maskId ? 1 : 0;
    this.#pending.set(row, id);
  }

  /** Rows written since the last call, whose embeddings have to follow. */
  takeWrites(): Write[] {
    const writes = [...this.#pending].map(([row, id]) => ({ row, id }));
    this.#pending = new Map();
    return writes;
  }

  /** First row at which one of the sequences begins in the answer, -1 for none. */
  find(sequences: readonly (readonly number[])[]): number {
    let first = -1;
    for (const sequence of sequences) {
      const end = (first < 0 ? this.answerEnd : first + sequence.length) - sequence.length;
      for (let row = this.promptLength; row <= end; row++) {
        if (sequence.every((id, i) => this.ids[row + i] === id) && (first < 0 || row < first)) {
          first = row;
          break;
        }
      }
    }
    return first;
  }

  /** Ids of the answer so far, masks included. */
  answer(): Int32Array {
    return this.ids.slice(this.promptLength, this.answerEnd);
  }

  suffix(): Int32Array {
    return this.ids.slice(this.answerEnd);
  }
}
