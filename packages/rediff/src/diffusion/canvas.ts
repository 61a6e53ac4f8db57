/** The sequence being written: prompt, answer, suffix, and which positions are still masks.
 *
 *  Positions count over the whole sequence, so the answer is [promptLength, answerEnd). The reference finds masks by
 *  comparing embeddings; here a position is masked when its id is the mask's, and those of the prompt never are. Fixed
 *  positions keep the draft's token. */
import { UserError } from "../errors.js";

/** A token that was written, whose embedding has to follow. */
export interface Write {
  position: number;
  id: number;
}

/** A part of the answer that is decoded before the parts behind it: [start, end) */
export interface Block {
  /** From 0. */
  index: number;
  start: number;
  end: number;
}

export class Canvas {
  readonly promptLength: number;
  readonly answerEnd: number;
  readonly length: number;
  readonly maskId: number;
  /** Token ids; those of the prompt are the mask's, as in the reference's traces, since they may be pictures. */
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
      /** Of the draft, from 0. */
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
    for (let position = promptLength; position < this.length; position++) {
      this.#masked[position] = this.ids[position] === maskId ? 1 : 0;
      this.#pending.set(position, this.ids[position] as number);
    }
  }

  /** The answer in parts of this length, from left to right. */
  blocks(blockLength: number): Block[] {
    const starts = Array.from(
      { length: (this.answerEnd - this.promptLength) / blockLength },
      (_, i) => i * blockLength,
    );
    return starts.map((start, index) => ({
      index,
      start: this.promptLength + start,
      end: this.promptLength + start + blockLength,
    }));
  }

  isMasked(position: number): boolean {
    return this.#masked[position] === 1;
  }

  /** Masked positions of [from, to), in order. */
  masked(from: number, to: number): number[] {
    return this.#positions(from, to, 1);
  }

  /** Positions of [from, to) that hold a token, in order. */
  written(from: number, to: number): number[] {
    return this.#positions(from, to, 0);
  }

  #positions(from: number, to: number, state: number): number[] {
    const positions: number[] = [];
    for (let position = from; position < to; position++) if (this.#masked[position] === state) positions.push(position);
    return positions;
  }

  /** Positions of [from, to) that hold a token which may be replaced, in order. */
  revisable(from: number, to: number): number[] {
    const written = this.written(from, to);
    return this.#fixed.size === 0 ? written : written.filter((position) => !this.#fixed.has(position));
  }

  isFixed(position: number): boolean {
    return this.#fixed.has(position);
  }

  hasMask(from: number, to: number): boolean {
    for (let position = from; position < to; position++) if (this.#masked[position] === 1) return true;
    return false;
  }

  /** Writing the mask's id leaves (or makes) a position masked: a model may say so. */
  write(position: number, id: number): void {
    if (this.#fixed.has(position)) throw new Error(`position ${position} is fixed`);
    // The ids of the prompt do not say what is there.
    if (this.ids[position] === id && position >= this.promptLength) return;
    this.ids[position] = id;
    this.#masked[position] = id === this.maskId ? 1 : 0;
    this.#pending.set(position, id);
  }

  /** What was written since the last call, one entry a position; at first all that lies behind the prompt. */
  takeWrites(): Write[] {
    const writes = [...this.#pending].map(([position, id]) => ({ position, id }));
    this.#pending = new Map();
    return writes;
  }

  /** First position at which one of the sequences begins in the answer, -1 for none. */
  find(sequences: readonly (readonly number[])[]): number {
    let first = -1;
    for (const sequence of sequences) {
      const end = (first < 0 ? this.answerEnd : first + sequence.length) - sequence.length;
      for (let position = this.promptLength; position <= end; position++) {
        if (sequence.every((id, i) => this.ids[position + i] === id) && (first < 0 || position < first)) {
          first = position;
          break;
        }
      }
    }
    return first;
  }

  /** Ids of the answer so far, masks included; a copy. */
  answer(): Int32Array {
    return this.ids.slice(this.promptLength, this.answerEnd);
  }

  /** Ids behind the answer; a copy. */
  suffix(): Int32Array {
    return this.ids.slice(this.answerEnd);
  }
}
