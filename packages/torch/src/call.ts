/** Any operator by name: `call("aten::add.Tensor", a, b)`. The generated functions are this with types and less work. */
import { type DType, dtypeCode } from "./dtype.js";
import { Kind, native, type OperatorInfo } from "./native.js";
import { Generator } from "./random.js";
import { Tensor, wrap } from "./tensor.js";

interface Resolved {
  id: number;
  info: OperatorInfo;
}

const resolved = new Map<string, Resolved>();

/** @internal the native id of "aten::add.Tensor" */
export function operatorId(name: string): number {
  const dot = name.indexOf(".", name.indexOf("::"));
  return dot < 0 ? native.resolve(name, "") : native.resolve(name.slice(0, dot), name.slice(dot + 1));
}

function lookUp(name: string): Resolved {
  let operator = resolved.get(name);
  if (operator === undefined) {
    const id = operatorId(name);
    operator = { id, info: native.schemaOf(id) };
    resolved.set(name, operator);
  }
  return operator;
}

function toNative(name: string, argument: OperatorInfo["arguments"][number], value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  const fail = (): never => {
    throw new Error(`${name}: argument '${argument.name}' must be ${argument.type}, got ${typeof value}`);
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
    case Kind.Int:
      return argument.type.startsWith("ScalarType") && typeof value === "string" ? dtypeCode(value as DType) : value;
    default:
      return value;
  }
}

function fromNative(kind: number | undefined, value: unknown): unknown {
  if (kind === Kind.Tensor) return (value as number) < 0 ? undefined : wrap(value);
  if (kind === Kind.TensorList) return (value as number[]).map(wrap);
  return value;
}

/** Calls an operator by its full name with all arguments in the schema's order (`undefined` takes the default).
 *  dtypes are names, devices are strings, generators are `Generator`s.
 *
 *  Returns a tensor, an array of tensors, a primitive, or an array of these when the operator has several results.
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
