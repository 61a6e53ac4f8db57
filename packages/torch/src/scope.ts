/** Who frees a tensor.
 *
 *  Tensors are native memory, which JavaScript's collector cannot see growing, so lifetimes are explicit. A tensor
 *  belongs to the innermost `scope` that is open when it is made; the scope frees it at its end unless it is returned.
 *  Outside every scope it belongs to the caller (`using`, or `dispose()`). A FinalizationRegistry catches what is
 *  forgotten, and counts it: a count that grows is a leak to mend, not a service to rely on.
 *
 *  Two rules: functions never free their arguments; an operator that gives back its input gives back a new handle. */
import { native, type Slot } from "./native.js";
import { Tensor } from "./tensor.js";

let current: Tensor[] | undefined;
let forgotten = 0;

const oneSlot = new Int32Array(1);
function freeSlot(slot: Slot): void {
  oneSlot[0] = slot;
  native.free(oneSlot, 1);
}

let safetyNet: FinalizationRegistry<Slot> | undefined;
function net(): FinalizationRegistry<Slot> {
  safetyNet ??= new FinalizationRegistry<Slot>((slot) => {
    forgotten++;
    freeSlot(slot);
  });
  return safetyNet;
}

/** Makes the open scope, or the safety net, responsible for a new tensor. */
export function adopt(tensor: Tensor): Tensor {
  if (current !== undefined) current.push(tensor);
  else {
    tensor.netted = true;
    net().register(tensor, tensor.slot, tensor);
  }
  return tensor;
}

export function release(tensor: Tensor): void {
  if (tensor.slot < 0) return;
  if (tensor.netted) net().unregister(tensor);
  freeSlot(tensor.slot);
  tensor.slot = -1;
}

function close(born: Tensor[], kept: Set<Tensor> | undefined, outer: Tensor[] | undefined): void {
  current = outer;
  const slots = new Int32Array(born.length);
  let count = 0;
  for (const tensor of born) {
    if (tensor.slot < 0) continue;
    if (kept?.has(tensor)) adopt(tensor);
    else {
      slots[count++] = tensor.slot;
      tensor.slot = -1;
    }
  }
  native.free(slots, count);
}

/** Every tensor in a value made of arrays, plain objects, Maps and Sets. */
export function tensorsIn(value: unknown, found: Set<Tensor> = new Set()): Set<Tensor> {
  if (value instanceof Tensor) found.add(value);
  else if (Array.isArray(value) || value instanceof Set) for (const element of value) tensorsIn(element, found);
  else if (value instanceof Map) for (const element of value.values()) tensorsIn(element, found);
  else if (typeof value === "object" && value !== null) {
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null)
      for (const element of Object.values(value)) tensorsIn(element, found);
  }
  return found;
}

/** Runs `body` and frees every tensor made in it, except those in what it returns, which go to the scope outside.
 *
 *  @throws when `body` returns a promise: by the time that settles, the tensors would be gone. Use a `Scope` there. */
export function scope<T>(body: () => T): T {
  const outer = current;
  const born: Tensor[] = [];
  current = born;
  let kept: Set<Tensor> | undefined;
  try {
    const result = body();
    if (result instanceof Promise) throw new Error("scope() is synchronous; use `using s = new Scope()` in async code");
    kept = result instanceof Tensor ? new Set([result]) : tensorsIn(result);
    return result;
  } finally {
    close(born, kept, outer);
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
  #born: Tensor[] = [];

  /** Runs `body` now; what it makes belongs to this scope. */
  run<T>(body: () => T): T {
    const outer = current;
    current = this.#born;
    try {
      const result = body();
      if (result instanceof Promise) throw new Error("Scope.run() is synchronous; await outside of it");
      return result;
    } finally {
      current = outer;
    }
  }

  /** Takes over a tensor of the open scope, or of the caller. */
  adopt(tensor: Tensor): Tensor {
    if (tensor.netted) {
      net().unregister(tensor);
      tensor.netted = false;
    } else if (current !== undefined) {
      const index = current.lastIndexOf(tensor);
      if (index >= 0) current.splice(index, 1);
    }
    this.#born.push(tensor);
    return tensor;
  }

  /** How many tensors this scope will free. */
  get size(): number {
    return this.#born.reduce((count, tensor) => count + (tensor.slot >= 0 ? 1 : 0), 0);
  }

  [Symbol.dispose](): void {
    const born = this.#born;
    this.#born = [];
    close(born, undefined, current);
  }
}

/** Takes a tensor out of the open scope: the caller frees it. For tensors stored in long-lived objects. */
export function detachFromScope(tensor: Tensor): Tensor {
  if (current === undefined || tensor.netted) return tensor;
  const index = current.lastIndexOf(tensor);
  if (index >= 0) {
    current.splice(index, 1);
    tensor.netted = true;
    net().register(tensor, tensor.slot, tensor);
  }
  return tensor;
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
  return { tensors, bytes, forgotten };
}
