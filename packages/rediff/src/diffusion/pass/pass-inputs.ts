/** What the host says in a pass beside the network's weights: which rows, which of them are asked for, which are masks. Lists of
 *  numbers, each of which becomes a tensor on the device.
 *
 *  They are uploaded one by one as the pass comes to them; or, where the pass is captured (captured-passes.ts), lie in one
 *  buffer that stays where it is and is filled before each replay. */
import { type Device, detachFromScope, scope, type Tensor, zeros } from "@rediff/torch";
import { idTensor, rowMask } from "../../models/ids.js";

export interface PassInputs {
  /** int64 [n] */
  ids(numbers: readonly number[]): Tensor;
  /** bool [n, 1] */
  flags(rows: readonly boolean[]): Tensor;
}

/** Each in an upload of its own. */
export const uploaded = (device: Device): PassInputs => ({
  ids: (numbers) => idTensor(numbers, device),
  flags: (rows) => rowMask(rows, device),
});

/** A list that a pass will ask for. */
export interface HostList {
  kind: "ids" | "flags";
  numbers: readonly number[];
}

export const idList = (numbers: readonly number[]): HostList => ({ kind: "ids", numbers });
export const flagList = (rows: readonly boolean[]): HostList => ({ kind: "flags", numbers: rows.map(Number) });

/** All lists of a pass in one buffer: int64, end to end, in the order in which the pass asks for them. */
export class HeldInputs implements PassInputs, Disposable {
  readonly #device: Device;
  readonly #buffer: Tensor;
  #lists: readonly HostList[] = [];
  #next = 0;
  #start = 0;

  /** @param lists of a first pass, which are filled in; those of later ones have to be as long */
  constructor(lists: readonly HostList[], device: Device) {
    this.#device = device;
    const size = lists.reduce((sum, { numbers }) => sum + numbers.length, 0);
    this.#buffer = detachFromScope(zeros([size], { dtype: "int64", device }));
    this.fill(lists);
  }

  fill(lists: readonly HostList[]): void {
    this.#lists = lists;
    const flat = lists.flatMap(({ numbers }) => numbers);
    scope(() => void this.#buffer.copy_(idTensor(flat, this.#device)));
  }

  /** The pass begins: it asks for the first list next. */
  begin(): void {
    [this.#next, this.#start] = [0, 0];
  }

  ids(numbers: readonly number[]): Tensor {
    return this.#take(idList(numbers));
  }

  flags(rows: readonly boolean[]): Tensor {
    return scope(() => this.#take(flagList(rows)).ne(0).unsqueeze(1));
  }

  #take({ kind, numbers }: HostList): Tensor {
    const list = this.#lists[this.#next++];
    if (list?.kind !== kind || list.numbers.join() !== numbers.join())
      throw new Error(`a pass asks for other ${kind} than it was planned with`);
    this.#start += numbers.length;
    return this.#buffer.narrow(0, this.#start - numbers.length, numbers.length);
  }

  [Symbol.dispose](): void {
    this.#buffer.dispose();
  }
}
