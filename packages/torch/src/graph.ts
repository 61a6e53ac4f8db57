/** Graphs: what a device did once, done again at one word of the host. A pass of a large model is a thousand operators, each
 *  of which costs the host microseconds; a replay costs it one.
 *
 *  A backend has them or has not (`hasGraphs`); CUDA's are built when this package is set up (native/cuda). */
import { call } from "./call.js";
import { empty } from "./create.js";
import { type Device, graphsProblem, usableDevice } from "./device.js";
import { native } from "./native.js";
import { detachFromScope, scope, tensorsIn } from "./scope.js";
import type { Tensor } from "./tensor.js";

/** Whether what is done on a device can be captured. */
export function hasGraphs(device: Device): boolean {
  return device !== "cpu" && native.hasGraphs(usableDevice(device) as Device);
}

const unreferenced = new FinalizationRegistry<{ anchor: Tensor; number: number }>(({ anchor, number }) =>
  drop(anchor, number),
);

function drop(anchor: Tensor, number: number): void {
  call("rediff::drop_graph", anchor, number);
  anchor.dispose();
}

/** What was captured, and the memory it works in. */
export class Graph<T> implements Disposable {
  /** What the body gave back. Its tensors hold nothing before the first replay, and other numbers after each; they are the
   *  graph's. */
  readonly result: T;
  readonly #anchor: Tensor;
  readonly #number: number;
  #isDisposed = false;

  /** @internal see `captureGraph` */
  constructor(anchor: Tensor, number: number, result: T) {
    [this.#anchor, this.#number, this.result] = [anchor, number, result];
    unreferenced.register(this, { anchor, number }, this);
  }

  /** Runs all of it again, behind what the device has been given so far. */
  replay(): void {
    if (this.#isDisposed) throw new Error("the graph was disposed of");
    call("rediff::replay", this.#anchor, this.#number);
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    unreferenced.unregister(this);
    for (const tensor of tensorsIn(this.result)) tensor.dispose();
    drop(this.#anchor, this.#number);
  }
}

/** Captures what `body` does on a device. It runs twice: once in earnest, so that what is made at first use is there; then it
 *  is recorded, and computes nothing. So it has to give the same when it is run again.
 *
 *  A replay reads and writes the memory that the body did. Whatever it reads must therefore stay where it is, and as it was
 *  made, for as long as the graph: buffers that the caller fills before each replay, weights, what is kept. Numbers of the
 *  host are recorded as they are. Not possible in it: reading a tensor, making one from memory of the host, operators
 *  whose result's size depends on elements, random numbers.
 *  @throws when the device has no graphs, or the body does what cannot be captured */
export function captureGraph<T>(device: Device, body: () => T): Graph<T> {
  if (!hasGraphs(device))
    throw new Error(`what is done on ${device} cannot be captured: ${graphsProblem(device) ?? "it has no graphs"}`);
  const anchor = detachFromScope(empty([0], { device }));
  try {
    scope(() => void captured(anchor, true, body));
    const { number, result } = captured(anchor, false, body);
    for (const tensor of tensorsIn(result)) detachFromScope(tensor);
    return new Graph(anchor, number, result);
  } catch (error) {
    anchor.dispose();
    throw error;
  }
}

function captured<T>(anchor: Tensor, dry: boolean, body: () => T): { number: number; result: T } {
  call("rediff::capture_begin", anchor, dry);
  return scope(() => {
    let result: T;
    try {
      result = scope(body);
    } catch (error) {
      abandon(anchor);
      throw error;
    }
    return { number: Number(call("rediff::capture_end", anchor)), result };
  });
}

/** Ends a capture that came to nothing, of which there is an error already. */
function abandon(anchor: Tensor): void {
  try {
    const number = Number(call("rediff::capture_end", anchor));
    if (number >= 0) call("rediff::drop_graph", anchor, number);
  } catch {}
}
