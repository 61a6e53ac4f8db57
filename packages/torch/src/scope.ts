/** Who frees a tensor.
 *
 *  Tensors are native memory, which JavaScript's collector cannot see growing, so lifetimes are explicit. A tensor
 *  belongs to the innermost `scope` that is open when it is made; the scope frees it at its end unless it is returned.
 *  Outside every scope it belongs to the caller (`using`, or `dispose()`). A FinalizationRegistry catches what is
 *  forgotten, and counts it: a count that grows is a leak to mend, not a service to rely on.
 *
 *  Two rules: functions never free their arguments; an operator that gives back its input gives back a new handle. */
import { native, type Slot, whenLoaded } from "./native.js";
import { Tensor } from "./tensor.js";

/** The tensors that a scope frees: those of `born` whose `owner` it still is. */
export interface Frame {
  born: Tensor[];
  /** Its tensors are in the safety net as well: a `Scope` object may be forgotten like a tensor. */
  readonly netted: boolean;
}

let current: Frame | undefined;
let forgotten = 0;

/** Slots given up while a scope is open: how many, then the slots. The native side frees them before its next call
 *  does anything else, which spares a call of their own; none are left when no scope is open. */
const GIVEN_UP = 255;
const givenUp = new Int32Array(new ArrayBuffer(4 * (1 + GIVEN_UP)));
whenLoaded((addon) => addon.shareGivenUp(givenUp));

const oneSlot = new Int32Array(1);
function freeSlot(slot: Slot): void {
  const count = givenUp[0] as number;
  if (current !== undefined && count < GIVEN_UP) {
    givenUp[count + 1] = slot;
    givenUp[0] = count + 1;
    return;
  }
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

const isNetted = (owner: Frame | undefined): boolean => owner === undefined || owner.netted;

/** Makes `owner` responsible for a tensor, or with undefined the caller. */
function give(tensor: Tensor, owner: Frame | undefined): void {
  if (isNetted(owner)) net().register(tensor, tensor.slot, tensor);
  tensor.owner = owner;
  owner?.born.push(tensor);
}

/** Makes the open scope, or without one the caller, responsible for a new tensor. */
export function adopt(tensor: Tensor): Tensor {
  give(tensor, current);
  return tensor;
}

/** Changes who is responsible for a tensor. */
function move(tensor: Tensor, owner: Frame | undefined): void {
  if (tensor.slot < 0 || tensor.owner === owner) return;
  if (isNetted(tensor.owner)) net().unregister(tensor);
  give(tensor, owner);
}

export function release(tensor: Tensor): void {
  if (tensor.slot < 0) return;
  if (isNetted(tensor.owner)) net().unregister(tensor);
  freeSlot(tensor.slot);
  tensor.slot = -1;
}

// Reused, because making a typed array costs more than freeing a tensor.
let freed = new Int32Array(GIVEN_UP);
const NOTHING = new Int32Array(0);

/** Frees a frame's tensors but those in `kept`, which go to the open scope. */
function empty(frame: Frame, kept?: Set<Tensor> | Tensor): void {
  const born = frame.born;
  frame.born = [];
  const before = givenUp[0] as number;
  const deferred = current !== undefined && before + born.length <= GIVEN_UP;
  if (!deferred && born.length > freed.length) freed = new Int32Array(2 * born.length);
  const slots = deferred ? givenUp : freed;
  const first = deferred ? before + 1 : 0;
  let end = first;
  for (const tensor of born) {
    if (tensor.slot < 0 || tensor.owner !== frame) continue;
    if (kept === tensor || (kept instanceof Set && kept.has(tensor))) move(tensor, current);
    else {
      if (frame.netted) net().unregister(tensor);
      slots[end++] = tensor.slot;
      tensor.slot = -1;
    }
  }
  if (deferred) givenUp[0] = end - 1;
  else if (end > 0 || before > 0) native.free(slots, end);
}

/** Every tensor in a value made of arrays, plain objects, Maps (their values) and Sets. */
export function tensorsIn(value: unknown, found: Set<Tensor> = new Set()): Set<Tensor> {
  collect(value, found, new Set());
  return found;
}

function collect(value: unknown, found: Set<Tensor>, seen: Set<object>): void {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Tensor) {
    found.add(value);
    return;
  }
  if (seen.has(value)) return;
  seen.add(value);
  if (Array.isArray(value) || value instanceof Set) for (const element of value) collect(element, found, seen);
  else if (value instanceof Map) for (const element of value.values()) collect(element, found, seen);
  else {
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null)
      for (const element of Object.values(value)) collect(element, found, seen);
  }
}

/** Runs `body` and frees every tensor made in it, except those in what it returns, which go to the scope outside.
 *
 *  @throws when `body` returns a promise: by the time that settles, the tensors would be gone. Use a `Scope` there. */
export function scope<T>(body: () => T): T {
  const outer = current;
  const frame: Frame = { born: [], netted: false };
  current = frame;
  let kept: Set<Tensor> | Tensor | undefined;
  try {
    const result = body();
    if (result instanceof Tensor) kept = result;
    else if (result instanceof Promise)
      throw new Error("scope() is synchronous; use `using s = new Scope()` in async code");
    else if (typeof result === "object") kept = tensorsIn(result);
    return result;
  } finally {
    current = outer;
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
    const outer = current;
    current = this.#frame;
    try {
      const result = body();
      if (result instanceof Promise) throw new Error("Scope.run() is synchronous; await outside of it");
      return result;
    } finally {
      current = outer;
      if (outer === undefined && (givenUp[0] as number) > 0) native.free(NOTHING, 0);
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

  #alive(): Tensor[] {
    return this.#frame.born.filter((tensor) => tensor.slot >= 0 && tensor.owner === this.#frame);
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
 *  error and no wrong numbers. For functions that use up an argument. */
export function take(tensor: Tensor): Tensor {
  const { slot } = tensor;
  if (slot < 0) throw new Error("take(): the tensor was freed");
  if (isNetted(tensor.owner)) net().unregister(tensor);
  tensor.slot = -1;
  return adopt(new Tensor(slot));
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
