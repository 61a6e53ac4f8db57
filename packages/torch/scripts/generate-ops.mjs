// Writes src/generated/ops.generated.ts and src/generated/tensor-methods.generated.ts from the schemas of the libtorch that is set up.
// Usage: node scripts/generate-ops.mjs [folder]        (default ../src; then `npx biome check --write src`)
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { locateTorch } from "../setup/index.mjs";

const located = locateTorch();
if (!located) throw new Error("run `npx rediff-torch-setup` first");
const native = createRequire(import.meta.url)(located.addon);

const Kind = [
  "Tensor",
  "TensorList",
  "Scalar",
  "Int",
  "Float",
  "Bool",
  "String",
  "IntList",
  "FloatList",
  "BoolList",
  "Device",
  "Generator",
  "OptionalTensorList",
  "ScalarList",
  "Unsupported",
];

const target = resolvePath(process.argv[2] ?? fileURLToPath(new URL("../src/generated", import.meta.url)));

const camel = (name) => name.replace(/(?<=[a-z0-9])_+([a-z0-9])/gi, (_, c) => c.toUpperCase());
// pin_memory and layout have one sensible value here; a caller who differs has `call`.
const HIDDEN = new Set(["layout", "pin_memory", "non_blocking"]);

const resolve = (name) => {
  const dot = name.indexOf(".");
  const id = native.resolve(`aten::${dot < 0 ? name : name.slice(0, dot)}`, dot < 0 ? "" : name.slice(dot + 1));
  return native.schemaOf(id);
};

function tsType(argument) {
  const { kind, type, length } = argument;
  switch (Kind[kind]) {
    case "Tensor":
      return "Tensor";
    case "TensorList":
      return "readonly Tensor[]";
    case "OptionalTensorList":
      return "readonly (Tensor | undefined)[]";
    case "Scalar":
      return "Scalar";
    case "Int":
      if (type.startsWith("ScalarType")) return "DType";
      if (type.startsWith("MemoryFormat")) return "MemoryFormat";
      return "number";
    case "Float":
      return "number";
    case "Bool":
      return "boolean";
    case "String":
      return "string";
    case "IntList":
      return length > 0 ? "number | readonly number[]" : "readonly number[]";
    case "FloatList":
      return "readonly number[]";
    case "BoolList":
      return "readonly boolean[]";
    case "ScalarList":
      return "readonly number[]";
    case "Device":
      return "Device";
    case "Generator":
      return "Generator";
    default:
      return undefined;
  }
}

/** The expression that takes a TypeScript value over the border. */
function passed(argument, value, optional) {
  const q = optional ? "?" : "";
  switch (Kind[argument.kind]) {
    case "Tensor":
      return `${value}${q}.slot`;
    case "TensorList":
      return optional ? `${value} && slots(${value})` : `slots(${value})`;
    case "OptionalTensorList":
      return `optionalSlots(${value})`;
    case "Generator":
      return `${value}${q}.id`;
    case "Device":
      return `usableDevice(${value})`;
    case "Int":
      if (argument.type.startsWith("ScalarType")) return `dtypeCode(${value})`;
      if (argument.type.startsWith("MemoryFormat")) return `memoryFormatCode(${value})`;
      return value;
    default:
      return value;
  }
}

function resultType(op) {
  const one = (kind) =>
    ({ Tensor: "Tensor", TensorList: "Tensor[]", Bool: "boolean", Int: "number", Scalar: "number", Float: "number" })[
      Kind[kind]
    ];
  if (op.inPlace) return undefined;
  if (op.results.length === 0) return "void";
  return op.results.length === 1 ? one(op.results[0]) : `[${op.results.map(one).join(", ")}]`;
}

function wrapped(op, expression) {
  if (op.results.length === 0) return expression; // nothing to wrap
  if (op.results.length > 1) return `many(${expression}) as ${resultType(op)}`;
  const kind = Kind[op.results[0]];
  if (kind === "Tensor") return `wrap(${expression})`;
  if (kind === "TensorList") return `many(${expression})`;
  return `${expression} as ${resultType(op)}`;
}

const entries = readFileSync(new URL("ops.txt", import.meta.url), "utf8")
  .split("\n")
  .map((line) => line.trim())
  .filter((line) => line && !line.startsWith("#"))
  .map((line) => {
    const [names, as] = line.split(" as ");
    const overloads = names.split("|");
    return { overloads, ts: camel(as ?? overloads[0].split(".")[0]) };
  });

let opCount = 0;
const names = [];
const functions = [];
const methods = [];

for (const { overloads, ts } of entries) {
  const ops = overloads.map(resolve);
  const first = ops[0];
  const visible = (op) => op.arguments.filter((a) => !HIDDEN.has(a.name) && tsType(a) !== undefined);
  const positional = visible(first).filter((a) => !a.kwargOnly);
  const kwargs = visible(first).filter((a) => a.kwargOnly);
  const taken = new Set();
  const parameters = positional.map((a, i) => {
    const types = [
      ...new Set(
        ops.flatMap((op) => {
          const other = op.arguments.find((b) => b.name === a.name) ?? op.arguments[i];
          return other ? [tsType(other)] : [];
        }),
      ),
    ];
    let name = camel(a.name);
    if (["function", "default", "in", "new"].includes(name)) name += "_";
    taken.add(name);
    const optional = a.optional || a.hasDefault;
    return { name, type: types.join(" | "), optional, argument: a };
  });
  // The schemas let a generator be left out, for libtorch's global one; here random numbers name their source.
  const required = (a) => Kind[a.kind] === "Generator" || (!a.optional && !a.hasDefault);
  const bagRequired = kwargs.some(required);
  // A required parameter cannot follow an optional one.
  for (let i = parameters.length - 1; i >= 0; i--)
    if (parameters[i].optional && (bagRequired || parameters.slice(i + 1).some((p) => !p.optional))) {
      parameters[i].optional = false;
      parameters[i].type += " | undefined";
    }
  const bag =
    kwargs.length > 0
      ? `{ ${kwargs.map((a) => `${camel(a.name)}${required(a) ? "" : "?"}: ${tsType(a)}${required(a) ? "" : " | undefined"}`).join("; ")} }`
      : undefined;
  const signature = (skip) =>
    [
      ...parameters
        .slice(skip)
        .map((p) => `${p.name}${p.optional ? "?" : ""}: ${p.type}${p.optional ? " | undefined" : ""}`),
      ...(bag ? [bagRequired ? `options: ${bag}` : `options: ${bag} = {}`] : []),
    ].join(", ");
  const result = first.inPlace ? "Tensor" : resultType(first);

  const callOf = (op, narrowed) => {
    const id = opCount++;
    names.push(`aten::${op.name.replace(/^aten::/, "")}`);
    const values = op.arguments.map((a, i) => {
      if (HIDDEN.has(a.name) || tsType(a) === undefined) return "undefined";
      if (kwargs.some((k) => k.name === a.name)) return passed(a, `options.${camel(a.name)}`, !required(a));
      const parameter = parameters.find((p) => p.argument.name === a.name) ?? parameters[i];
      const cast = narrowed === parameter.name ? `(${parameter.name} as ${tsType(a)})` : parameter.name;
      return passed(a, cast, parameter.optional || parameter.type.endsWith("undefined"));
    });
    while (values.at(-1) === "undefined") values.pop();
    const expression = `native.${op.inPlace || op.results.length === 0 ? "callInPlace" : "call"}(id(${id}), ${values.join(", ")})`;
    if (op.results.length === 0) return expression;
    return op.inPlace ? `${expression};\n  return ${parameters[0].name}` : `return ${wrapped(op, expression)}`;
  };

  let body;
  if (ops.length === 1) body = callOf(first);
  else {
    // Overloads differ in one argument: a Tensor in the one, a number in the other.
    const differs = first.arguments.findIndex((a, i) =>
      ops.some((op) => op.arguments[i] && tsType(op.arguments[i]) !== tsType(a)),
    );
    const name = parameters[differs].name;
    const tensorOp = ops.find((op) => Kind[op.arguments[differs].kind] === "Tensor");
    const numberOp = ops.find((op) => op !== tensorOp);
    if (overloads[0] === "clamp") {
      parameters.forEach((p) => {
        if (p.name !== "self") p.type = "number";
      });
      body = callOf(first);
    } else body = `if (${name} instanceof Tensor) { ${callOf(tensorOp)}; }\n  ${callOf(numberOp, name)}`;
  }
  functions.push(`/** \`${first.schema}\` */\nexport function ${ts}(${signature(0)}): ${result} {\n  ${body};\n}`);
  if (
    (parameters[0]?.name === "self" && parameters[0].type === "Tensor" && !["equal"].includes(ts)) ||
    ts === "equal"
  ) {
    const rest = [...parameters.slice(1).map((p) => p.name), ...(bag ? ["options"] : [])];
    const self = first.inPlace ? "this" : result;
    methods.push(
      `/** \`${first.schema}\` */\n  ${ts}(this: Tensor${signature(1) ? `, ${signature(1)}` : ""}): ${self === "this" ? "Tensor" : self} {\n    ${result === "void" ? "" : "return "}ops.${ts}(${["this", ...rest].join(", ")});\n  }`,
    );
  }
}

const header = `// Written by scripts/generate-ops.mjs from libtorch's schemas (torch ${native.version}); do not edit.\n`;
writeFileSync(
  join(target, "ops.generated.ts"),
  `${header}
import { type Device, usableDevice } from "../device.js";
import { type DType, dtypeCode } from "../dtype.js";
import { native } from "../native.js";
import { type MemoryFormat, memoryFormatCode, operatorId } from "../operator.js";
import type { Generator } from "../random.js";
import { Tensor, wrap } from "../tensor.js";

/** A whole number is an integer for libtorch: \`add(int64Tensor, 1)\` stays int64, there is no way to write 1.0. */
export type Scalar = number | bigint | boolean;

const NAMES = [\n${names.map((n) => `  "${n}",`).join("\n")}\n];

const ids: number[] = [];

function id(index: number): number {
  return ids[index] ?? resolve(index);
}

function resolve(index: number): number {
  const found = operatorId(NAMES[index] as string);
  ids[index] = found;
  return found;
}

function slots(tensors: readonly Tensor[]): number[] {
  const list: number[] = [];
  for (const tensor of tensors) list.push(tensor.slot);
  return list;
}

const optionalSlots = (tensors: readonly (Tensor | undefined)[]): (number | undefined)[] => tensors.map((t) => t?.slot);

const many = (results: unknown): Tensor[] => (results as number[]).map(wrap);

/** The full names of the operators with typed functions. */
export const TYPED_OPERATORS: readonly string[] = NAMES;

${functions.join("\n\n")}
`,
);
writeFileSync(
  join(target, "tensor-methods.generated.ts"),
  `${header}
import type { Device } from "../device.js";
import type { DType } from "../dtype.js";
import type { MemoryFormat } from "../operator.js";
import * as ops from "./ops.generated.js";
import type { Scalar } from "./ops.generated.js";
import type { Generator } from "../random.js";
import type { Tensor } from "../tensor.js";

/** Operators whose first argument is the tensor itself, as methods. */
export abstract class TensorMethods {
  ${methods.join("\n\n  ")}
}
`,
);
console.log(`${functions.length} functions, ${methods.length} methods, ${opCount} operators`);
