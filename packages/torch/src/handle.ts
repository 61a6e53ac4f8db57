/** What a tensor is before it can do anything: a native slot, and who frees it.
 *
 *  Tensors are native memory, which JavaScript's collector cannot see growing, so lifetimes are explicit. A handle
 *  belongs to the frame that is open when it is made (scope.ts opens them), or without one to the caller. A
 *  FinalizationRegistry catches what is forgotten, and counts it: a count that grows is a leak to mend, not a service to
 *  rely on. */
import { native, type Slot, whenLoaded } from "./native.js";

/** The handles that a scope frees: those of `born` whose `owner` it still is. */
export interface Frame {
  born: Handle[];
  /** Its handles are in the safety net as well: a `Scope` object may be forgotten like a tensor. */
  readonly netted: boolean;
}

/** Native memory: of a tensor, or of anything else that scopes free. */
export class Handle implements Disposable {
  // Declared, then assigned: fields that a class defines cost 3 % of a small operator (V8 11.3).
  /** @internal the native slot; -1 once freed */
  declare slot: Slot;
  /** @internal what frees this tensor; undefined when it is the caller */
  declare owner: Frame | undefined;

  /** @internal wraps a slot that nobody owns yet; `adopt` finds it an owner */
  constructor(slot: Slot) {
    this.slot = slot;
    this.owner = undefined;
  }

  get freed(): boolean {
    return this.slot < 0;
  }

  /** Frees the memory unless another handle shares it; twice is once. */
  dispose(): void {
    release(this);
  }

  [Symbol.dispose](): void {
    release(this);
  }
}

let current: Frame | undefined;

/** Opens `frame`, or with undefined none, for what is made next. Returns what was open before, to go back to. */
export function switchTo(frame: Frame | undefined): Frame | undefined {
  const before = current;
  current = frame;
  return before;
}

/** Slots given up while a frame is open: how many, then the slots. The native side frees them before its next call
 *  does anything else, which spares a call of their own; none are left when no frame is open. */
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

const NOTHING = new Int32Array(0);

/** Frees now what was given up, if no frame is open any more. */
export function settle(): void {
  if (current === undefined && (givenUp[0] as number) > 0) native.free(NOTHING, 0);
}

let forgotten = 0;
let safetyNet: FinalizationRegistry<Slot> | undefined;
function net(): FinalizationRegistry<Slot> {
  safetyNet ??= new FinalizationRegistry<Slot>((slot) => {
    forgotten++;
    freeSlot(slot);
  });
  return safetyNet;
}

/** Handles that nobody freed and the garbage collector found. */
export function forgottenCount(): number {
  return forgotten;
}

const isNetted = (owner: Frame | undefined): boolean => owner === undefined || owner.netted;

/** Makes `owner` responsible for a handle, or with undefined the caller. */
function give(handle: Handle, owner: Frame | undefined): void {
  if (isNetted(owner)) net().register(handle, handle.slot, handle);
  handle.owner = owner;
  owner?.born.push(handle);
}

/** Makes the open frame, or without one the caller, responsible for a new handle. */
export function adopt<H extends Handle>(handle: H): H {
  give(handle, current);
  return handle;
}

/** Changes who is responsible for a handle. */
export function move(handle: Handle, owner: Frame | undefined): void {
  if (handle.slot < 0 || handle.owner === owner) return;
  if (isNetted(handle.owner)) net().unregister(handle);
  give(handle, owner);
}

/** Gives up a handle without freeing what is behind it. @returns the slot, which now belongs to nobody */
export function giveUp(handle: Handle): Slot {
  const { slot } = handle;
  if (slot < 0) throw new Error("the tensor was freed or used up");
  if (isNetted(handle.owner)) net().unregister(handle);
  handle.slot = -1;
  return slot;
}

/** Each of two handles stands for what the other one did. Who frees which handle stays. @throws when one was freed */
export function exchange(a: Handle, b: Handle): void {
  if (a.slot < 0 || b.slot < 0) throw new Error("the tensor was freed or used up");
  for (const handle of [a, b]) if (isNetted(handle.owner)) net().unregister(handle);
  [a.slot, b.slot] = [b.slot, a.slot];
  for (const handle of [a, b]) if (isNetted(handle.owner)) net().register(handle, handle.slot, handle);
}

function release(handle: Handle): void {
  if (handle.slot < 0) return;
  if (isNetted(handle.owner)) net().unregister(handle);
  freeSlot(handle.slot);
  handle.slot = -1;
}

// Reused, because making a typed array costs more than freeing a tensor.
let freed = new Int32Array(GIVEN_UP);

/** Frees a frame's handles but those in `kept`, which go to the open frame. */
export function empty(frame: Frame, kept?: ReadonlySet<Handle> | Handle): void {
  const born = frame.born;
  frame.born = [];
  const before = givenUp[0] as number;
  const deferred = current !== undefined && before + born.length <= GIVEN_UP;
  if (!deferred && born.length > freed.length) freed = new Int32Array(2 * born.length);
  const slots = deferred ? givenUp : freed;
  const first = deferred ? before + 1 : 0;
  let end = first;
  for (const handle of born) {
    if (handle.slot < 0 || handle.owner !== frame) continue;
    if (kept === handle || (kept instanceof Set && kept.has(handle))) move(handle, current);
    else {
      if (frame.netted) net().unregister(handle);
      slots[end++] = handle.slot;
      handle.slot = -1;
    }
  }
  if (deferred) givenUp[0] = end - 1;
  else if (end > 0 || before > 0) native.free(slots, end);
}
