/** Any operator by name: `call("aten::add.Tensor", a, b)`. The generated functions are this with types and less work. */
import { type Device, usableDevice } from "./device.js";
import { type DType, dtypeCode } from "./dtype.js";
import { Kind, native, type OperatorInfo } from "./native.js";
import { type MemoryFormat, memoryFormatCode, operatorId } from "./operator.js";
import { Generator } from "./random.js";
import { Tensor, wrap } from "./tensor.js";

interface Resolved {
  id: number;
  info: OperatorInfo;
}

const resolved = new Map<string, Resolved>();

function lookUp(name: string): Resolved {
  let operator = resolved.get(name);
  if (operator === undefined) {
    const id = operatorId(name);
    operator = { id, info: native.schemaOf(id) };
    resolved.set(name, operator);
  }
  return operator;
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) {
    const other = value.find((element) => !(element instanceof Tensor));
    return other === undefined ? "an array of tensors" : `an array with ${nameOf(other)} in it`;
  }
  return value instanceof Tensor ? "Tensor" : typeof value;
}

function toNative(name: string, argument: OperatorInfo["arguments"][number], value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  const fail = (): never => {
    throw new Error(`${name}: ${argument.name} must be ${argument.type}, got ${nameOf(value)}`);
  };
  const slotOf = (tensor: unknown): number => (tensor instanceof Tensor ? tensor.slot : fail());
  switch (argument.kind) {
    case Kind.Tensor:
      return slotOf(value);
    case Kind.TensorList:
      return Array.isArray(value) ? value.map(slotOf) : fail();
    case Kind.OptionalTensorList:
      return Array.isArray(value) ? value.map((v) => (v === undefined || v === null ? undefined : slotOf(v))) : fail();
    case Kind.Generator:
      return value instanceof Generator ? value.id : fail();
    case Kind.Device:
      return typeof value === "string" ? usableDevice(value as Device) : fail();
    case Kind.Int:
      if (typeof value !== "string") return value;
      if (argument.type.startsWith("ScalarType")) return dtypeCode(value as DType);
      if (argument.type.startsWith("MemoryFormat")) return memoryFormatCode(value as MemoryFormat) ?? fail();
      return fail();
    default:
      return value;
  }
}

function fromNative(kind: number | undefined, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (kind === Kind.Tensor) return wrap(value);
  if (kind === Kind.TensorList) return (value as number[]).map((slot) => (slot < 0 ? undefined : wrap(slot)));
  return value;
}

/** Calls an operator by its full name with all arguments in the schema's order (`undefined` takes the default).
 *  dtypes, devices and memory formats are names, generators are `Generator`s; lists may be typed arrays, and integers
 *  beyond 2^53 bigints.
 *
 *  Returns a tensor, an array of tensors, a primitive, or an array of these when the operator has several results;
 *  undefined for what it left out. An operator that changes its first argument in place returns that very tensor.
 *  @throws when there is no such operator (the message lists the overloads), or with libtorch's message and the shapes */
export function call(name: string, ...args: unknown[]): unknown {
  const { id, info } = lookUp(name);
  if (args.length > info.arguments.length)
    throw new Error(`${name} takes at most ${info.arguments.length} arguments: ${info.schema}`);
  const values = args.map((value, i) => toNative(name, info.arguments[i] as OperatorInfo["arguments"][number], value));
  if (info.inPlace) {
    native.callInPlace(id, ...values);
    return args[0];
  }
  const result = native.call(id, ...values);
  if (info.results.length === 1) return fromNative(info.results[0], result);
  if (info.results.length === 0) return undefined;
  return (result as unknown[]).map((value, i) => fromNative(info.results[i], value));
}

/** An operator's schema as libtorch prints it. */
export function schemaOf(name: string): string {
  return lookUp(name).info.schema;
}

/** The schemas of all operators that this libtorch has. */
export function schemas(): string[] {
  return native.schemas();
}
