/** The pickle machine, and the few instructions and calls that dictionaries of tensors need. All others are refused by
 *  name: a pickle is a program, and this one comes from strangers.
 *
 *  A program of a few bytes can ask for much more than its size: objects cost a hundred times their instruction, and one
 *  that is remembered is written down again in two bytes. So objects, and what waits on the stack, are counted. */
import type { DType } from "@rediff/torch";

/** What can be on a pickle's stack. Lists and tuples are arrays, dictionaries are Maps. */
export type Value = null | boolean | number | string | Value[] | Map<Value, Value> | Named | StorageRef | TensorRef;

export interface Named {
  kind: "name";
  name: string;
}

export interface StorageRef {
  kind: "storage";
  key: string;
  dtype: DType;
  elements: number;
}

export interface TensorRef {
  kind: "tensor";
  storage: StorageRef;
  offset: number;
  shape: number[];
  stride: number[];
}

const STORAGES: Record<string, DType> = {
  "torch.DoubleStorage": "float64",
  "torch.FloatStorage": "float32",
  "torch.HalfStorage": "float16",
  "torch.BFloat16Storage": "bfloat16",
  "torch.LongStorage": "int64",
  "torch.IntStorage": "int32",
  "torch.ShortStorage": "int16",
  "torch.CharStorage": "int8",
  "torch.ByteStorage": "uint8",
  "torch.BoolStorage": "bool",
};

/** Of a dictionary with tens of thousands of tensors. */
const MOST_PROGRAM_BYTES = 32 << 20;
const MOST_OBJECTS = 250_000;
const MOST_WAITING = 1_000_000;

type Kind = Named | StorageRef | TensorRef;
export function isKind<K extends Kind["kind"]>(value: Value | undefined, kind: K): value is Extract<Kind, { kind: K }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

const MARK = Symbol("mark");
const DAMAGED = "its pickle is damaged";

/** The pickle machine: a program that is read byte by byte, a stack, and a memo of what may be needed again. */
class Machine {
  readonly #bytes: Buffer;
  #at = 0;
  #objects = 0;
  readonly #stack: (Value | typeof MARK)[] = [];
  readonly memo = new Map<number, Value>();

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) throw new RangeError("cut off");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  word(): number {
    return this.take(4).readUInt32LE();
  }

  text(bytes: number): string {
    return this.take(bytes).toString("utf8");
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new RangeError("cut off");
    return this.text(end + 1 - this.#at).trimEnd();
  }

  push(value: Value | typeof MARK): void {
    if (this.#stack.length >= MOST_WAITING)
      throw new Error(`its pickle puts more than ${MOST_WAITING} values on its stack`);
    this.#stack.push(value);
  }

  /** Pushes a list, a tuple, a dictionary or a name. */
  make(value: Value): void {
    if (++this.#objects > MOST_OBJECTS) throw new Error(`its pickle makes more than ${MOST_OBJECTS} objects`);
    this.push(value);
  }

  pop(): Value {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw new Error(DAMAGED);
    return value as Value;
  }

  /** The last `count`, in the order in which they were pushed. */
  popMany(count: number): Value[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  popToMark(): Value[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw new Error(DAMAGED);
    return this.#stack.splice(mark).slice(1) as Value[];
  }

  top(): Value {
    const value = this.pop();
    this.push(value);
    return value;
  }

  recall(index: number): Value {
    const value = this.memo.get(index);
    if (value === undefined) throw new Error(DAMAGED);
    return value;
  }

  append(values: readonly Value[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new Error(DAMAGED);
    for (const value of values) list.push(value);
  }

  setItems(values: readonly Value[]): void {
    const map = this.top();
    if (!(map instanceof Map) || values.length % 2 !== 0) throw new Error(DAMAGED);
    for (let i = 0; i < values.length; i += 2) map.set(values[i] as Value, values[i + 1] as Value);
  }
}

/** The instructions that dictionaries of tensors need, under their names in Python's pickletools. */
const INSTRUCTIONS: Record<number, (m: Machine) => void> = {
  128: (m) => m.take(1), // PROTO
  149: (m) => m.take(8), // FRAME
  40: (m) => m.push(MARK), // MARK
  78: (m) => m.push(null), // NONE
  136: (m) => m.push(true), // NEWTRUE
  137: (m) => m.push(false), // NEWFALSE
  75: (m) => m.push(m.byte()), // BININT1
  77: (m) => m.push(m.take(2).readUInt16LE()), // BININT2
  74: (m) => m.push(m.take(4).readInt32LE()), // BININT
  138: (m) => m.push(littleEndian(m.take(m.byte()))), // LONG1
  71: (m) => m.push(m.take(8).readDoubleBE()), // BINFLOAT
  140: (m) => m.push(m.text(m.byte())), // SHORT_BINUNICODE
  88: (m) => m.push(m.text(m.word())), // BINUNICODE
  125: (m) => m.make(new Map()), // EMPTY_DICT
  93: (m) => m.make([]), // EMPTY_LIST
  41: (m) => m.make([]), // EMPTY_TUPLE
  133: (m) => m.make(m.popMany(1)), // TUPLE1
  134: (m) => m.make(m.popMany(2)), // TUPLE2
  135: (m) => m.make(m.popMany(3)), // TUPLE3
  116: (m) => m.make(m.popToMark()), // TUPLE
  97: (m) => m.append(m.popMany(1)), // APPEND
  101: (m) => m.append(m.popToMark()), // APPENDS
  115: (m) => m.setItems(m.popMany(2)), // SETITEM
  117: (m) => m.setItems(m.popToMark()), // SETITEMS
  113: (m) => m.memo.set(m.byte(), m.top()), // BINPUT
  114: (m) => m.memo.set(m.word(), m.top()), // LONG_BINPUT
  148: (m) => m.memo.set(m.memo.size, m.top()), // MEMOIZE
  104: (m) => m.push(m.recall(m.byte())), // BINGET
  106: (m) => m.push(m.recall(m.word())), // LONG_BINGET
  99: (m) => m.make(named(m.line(), m.line())), // GLOBAL
  147: (m) => m.make(named(...m.popMany(2))), // STACK_GLOBAL
  81: (m) => m.make(storageRef(m.pop())), // BINPERSID
  82: (m) => m.make(call(m.popMany(2))), // REDUCE
  98: (m) => m.pop(), // BUILD: attributes of an OrderedDict, such as a state_dict's versions
};

const STOP = 0x2e;

export function unpickle(bytes: Buffer): Value {
  if (bytes.length > MOST_PROGRAM_BYTES)
    throw new Error(`its pickle has ${bytes.length} bytes; at most ${MOST_PROGRAM_BYTES} are read`);
  const machine = new Machine(bytes);
  for (;;) {
    const code = machine.byte();
    if (code === STOP) return machine.pop();
    const instruction = INSTRUCTIONS[code];
    if (instruction === undefined)
      throw new Error(`its pickle has the instruction 0x${code.toString(16)}, which tensors do not need`);
    instruction(machine);
  }
}

/** Python's, with modules before them. */
const NAME = /^[\w.]{1,200}$/;

/** Texts only: tuples that hold each other many times over would be written out here. */
function named(...parts: Value[]): Named {
  const [module, name] = parts;
  if (typeof module !== "string" || typeof name !== "string" || !NAME.test(`${module}.${name}`))
    throw new Error(DAMAGED);
  return { kind: "name", name: `${module}.${name}` };
}

/** Two's complement, as pickle writes whole numbers beyond 32 bits. */
function littleEndian(bytes: Buffer): number {
  if (bytes.length === 0) return 0;
  if (bytes.length > 6) throw new Error("its pickle holds a number that is too large");
  return bytes.readIntLE(0, bytes.length);
}

/** ("storage", type, key, device, number of elements) */
function storageRef(id: Value): StorageRef {
  const [tag, type, key, , elements] = Array.isArray(id) ? id : [];
  if (tag !== "storage" || !isKind(type, "name") || typeof key !== "string" || !isSizes([elements ?? null]))
    throw new Error("its pickle refers to something that is no storage");
  const dtype = Object.hasOwn(STORAGES, type.name) ? STORAGES[type.name] : undefined;
  if (dtype === undefined) throw new Error(`it holds numbers of the type ${type.name}, which is not read`);
  return { kind: "storage", key, dtype, elements: elements as number };
}

/** The calls that rebuild dictionaries and tensors, and no others. */
function call([callee, args]: Value[]): Value {
  const name = isKind(callee, "name") ? callee.name : "something that is no function";
  if (!Array.isArray(args)) throw new Error(DAMAGED);
  switch (name) {
    case "collections.OrderedDict":
      return new Map();
    case "torch._utils._rebuild_parameter":
      return args[0] ?? null;
    case "torch._utils._rebuild_tensor_v2":
      return tensorRef(args);
    default:
      throw new Error(`its pickle wants to call ${name}, which is refused`);
  }
}

const isSizes = (value: Value | undefined): value is number[] =>
  Array.isArray(value) && value.every((size) => typeof size === "number" && Number.isSafeInteger(size) && size >= 0);

/** As libtorch has them at most. */
const MOST_DIMENSIONS = 64;

function tensorRef([storage, offset, shape, stride]: Value[]): TensorRef {
  if (!isKind(storage, "storage") || !isSizes([offset ?? null]) || !isSizes(shape) || !isSizes(stride))
    throw new Error("its pickle describes no tensor");
  if (shape.length > MOST_DIMENSIONS)
    throw new Error(
      `its pickle describes a tensor of ${shape.length} dimensions; at most ${MOST_DIMENSIONS} are supported`,
    );
  return { kind: "tensor", storage, offset: offset as number, shape, stride };
}
