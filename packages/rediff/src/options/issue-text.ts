/** What a schema has against a value, in words that a person can act on: what was expected, what came. */
import type { z } from "zod";
import { nearest } from "./near-name.js";

type Issue = z.core.$ZodIssue;
type TypeNames = Readonly<Record<string, string>>;

/** What types are called where a file or an option has them. */
export const usualTypes: TypeNames = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "keys with values",
  record: "keys with values",
};

/** And where JSON has them. */
export const jsonTypes: TypeNames = { ...usualTypes, string: "a string", object: "an object", record: "an object" };

/** What is wrong with the alternative that comes closest: one whose type is right and whose content is not. An issue
 *  of a union in which none is close stays as it is. */
export function withoutUnions(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union" || issue.message.startsWith("expected")) return [issue];
  const close = issue.errors.find((alternative) => !alternative.some(isOtherType));
  if (close === undefined) return [issue];
  return close.flatMap((inner) => withoutUnions({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** The value is not even of the type that was asked for. */
function isOtherType(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_union") return issue.errors.every((alternative) => alternative.some(isOtherType));
  return issue.code === "invalid_type";
}

/** One issue without its place. A message of the schema's own that begins with "expected" gets what came behind it.
 *  @param value what it is about, where the issue does not carry it */
export function issueText(issue: Issue, types: TypeNames = usualTypes, value: unknown = issue.input): string {
  const got = `got ${shownValue(value)}`;
  if (issue.message.startsWith("expected")) return `${issue.message}, ${got}`;
  switch (issue.code) {
    case "invalid_type":
      return `expected ${types[issue.expected] ?? issue.expected}, ${got}`;
    case "too_small":
      if (issue.origin === "string") return `expected ${types.string} that is not empty, ${got}`;
      if (issue.origin === "array") return `expected at least ${issue.minimum} of them, ${got}`;
      return `expected ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}, ${got}`;
    case "too_big":
      if (issue.origin === "string") return `expected at most ${issue.maximum} characters`;
      if (issue.origin === "array") return `expected at most ${issue.maximum} of them, ${got}`;
      return `expected ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}, ${got}`;
    case "invalid_value": {
      if (issue.values.length === 1) return `${issue.message}, ${got}`;
      const near = typeof value === "string" ? nearest(value.slice(0, 60), issue.values.map(String)) : undefined;
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      return `expected ${issue.values.map(String).join(", ")}, ${got}${hint}`;
    }
    case "invalid_union":
      return `expected ${typesOf(issue, types)}, ${got}`;
    case "custom":
      return issue.message;
    default:
      return `${issue.message}, ${got}`;
  }
}

function typesOf(issue: Issue, types: TypeNames): string {
  const all = (inner: Issue): string[] => {
    if (inner.code === "invalid_union") return inner.errors.flat().flatMap(all);
    return inner.code === "invalid_type" ? [types[inner.expected] ?? inner.expected] : [];
  };
  return [...new Set(all(issue))].join(" or ");
}

/** Of a value not more than fits into a message, however large or deep it is. */
export function shownValue(value: unknown): string {
  if (value === undefined) return "nothing";
  const text =
    typeof value === "number" || typeof value === "bigint" ? String(value) : JSON.stringify(pruned(value, 3));
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** As JSON has it, without most of it. */
function pruned(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.slice(0, 61);
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "...";
  if (Array.isArray(value)) return value.slice(0, 20).map((entry) => pruned(entry, depth - 1));
  const entries = Object.entries(value).slice(0, 20);
  return Object.fromEntries(entries.map(([key, inner]) => [key.slice(0, 61), pruned(inner, depth - 1)]));
}
