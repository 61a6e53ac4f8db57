/** Who frees a tensor.
 *
 *  A tensor belongs to the innermost `scope` that is open when it is made; the scope frees it at its end unless it is
 *  returned. Outside every scope it belongs to the caller (`using`, or `dispose()`).
 *
 *  Two rules: functions never free their arguments; an operator that gives back its input gives back a new handle. */
import {
  adopt,
  empty,
  exchange,
  type Frame,
  forgottenCount,
  giveUp,
  type Handle,
  move,
  settle,
  switchTo,
} from "./handle.js";
import { native } from "./native.js";
import { Tensor } from "./tensor.js";

/** Every tensor in a value made of arrays, plain objects, Maps (their values) and Sets, added to `found`. */
export function tensorsIn(value: unknown, found: Set<Tensor> = new Set()): Set<Tensor> {
  addTensors(found, value, new Set());
  return found;
}

function addTensors(found: Set<Tensor>, value: unknown, seen: Set<object>): void {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Tensor) {
    found.add(value);
    return;
  }
  if (seen.has(value)) return;
  seen.add(value);
  if (Array.isArray(value) || value instanceof Set) for (const element of value) addTensors(found, element, seen);
  else if (value instanceof Map) for (const element of value.values()) addTensors(found, element, seen);
  else {
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null)
      for (const element of Object.values(value)) addTensors(found, element, seen);
  }
}

/** Runs `body` and frees every tensor made in it, except those in what it returns, which go to the scope outside.
 *
 *  @throws when `body` returns a promise: by the time that settles, the tensors would be gone. Use a `Scope` there. */
export function scope<T>(body: () => T): T {
  const frame: Frame = { born: [], netted: false };
  const outer = switchTo(frame);
  let kept: Set<Tensor> | Tensor | undefined;
  try {
    const result = body();
    if (result instanceof Tensor) kept = result;
    else if (result instanceof Promise)
      throw new Error("scope() is synchronous; use `using s = new Scope()` in async code");
    else if (typeof result === "object") kept = tensorsIn(result);
    return result;
  } finally {
    switchTo(outer);
    empty(frame, kept);
  }
}

/** A scope that outlives one call, for async code and for owners with a lifetime of their own.
 *
 *  ```ts
 *  using s = new Scope();
 *  const x = s.run(() => randn([2, 3], generator));   // freed with s
 *  await somethingSlow();
 *  ``` */
export class Scope implements Disposable {
  #frame: Frame = { born: [], netted: true };
  #tidyAt = 64;

  /** Runs `body` now; what it makes belongs to this scope. */
  run<T>(body: () => T): T {
    const outer = switchTo(this.#frame);
    try {
      const result = body();
      if (result instanceof Promise) throw new Error("Scope.run() is synchronous; await outside of it");
      return result;
    } finally {
      switchTo(outer);
      settle();
      this.#tidy();
    }
  }

  /** Takes over a tensor from whatever owns it. */
  adopt(tensor: Tensor): Tensor {
    if (tensor.slot < 0) throw new Error("Scope.adopt(): the tensor was freed");
    move(tensor, this.#frame);
    return tensor;
  }

  /** How many tensors this scope will free. */
  get size(): number {
    return this.#alive().length;
  }

  /** Frees what there is. The scope can be used again. */
  [Symbol.dispose](): void {
    empty(this.#frame);
  }

  #alive(): Handle[] {
    return this.#frame.born.filter((handle) => handle.slot >= 0 && handle.owner === this.#frame);
  }

  /** Forgets the tensors that were freed one by one: a scope that lives as long as a server must not collect them. */
  #tidy(): void {
    if (this.#frame.born.length < this.#tidyAt) return;
    this.#frame.born = this.#alive();
    this.#tidyAt = Math.max(64, 2 * this.#frame.born.length);
  }
}

/** Takes a tensor out of its scope: the caller frees it. For tensors stored in long-lived objects. */
export function detachFromScope(tensor: Tensor): Tensor {
  move(tensor, undefined);
  return tensor;
}

/** Moves a tensor to a new handle, which the open scope owns, and closes the old one: whoever still holds that gets an
 *  error and no wrong numbers. For functions that use up an argument. @throws when the tensor was freed */
export function take(tensor: Tensor): Tensor {
  return adopt(new Tensor(giveUp(tensor)));
}

/** Exchanges what two tensors are: whoever holds one of them sees the other's elements from now on. For weights that come
 *  and go while a model keeps its tensors. @throws when one of them was freed */
export function exchangeTensors(a: Tensor, b: Tensor): void {
  exchange(a, b);
}

export interface MemoryUse {
  /** Tensors not freed yet, of this thread. */
  tensors: number;
  /** Bytes of the distinct storages behind them; a mapped file counts whole. */
  bytes: number;
  /** Tensors that nobody freed and the garbage collector found. */
  forgotten: number;
}

/** What this thread's tensors hold now. Loops should end where they began. */
export function memory(): MemoryUse {
  const [tensors, bytes] = native.memory();
  return { tensors, bytes, forgotten: forgottenCount() };
}
