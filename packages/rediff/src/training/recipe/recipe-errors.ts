/** What is wrong with a recipe in words that a person can act on: where, what was expected, what came. */
import type { z } from "zod";
import { UserError } from "../../errors.js";
import { RENAMED_FLAGS } from "./renamed-flags.js";

/** Where the value at a path was written, key included: "stage1.yaml:12: learning_rate". */
export type Origin = (path: readonly PropertyKey[]) => string;

type Issue = z.core.$ZodIssue;

/** All problems of a recipe in one error. The issues must carry their input. */
export function recipeError(issues: readonly Issue[], origin: Origin, known: readonly string[]): UserError {
  const flat = issues.flatMap(withoutUnions);
  const problems = flat.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => `${origin([...issue.path, key])}: ${unknownKey([...issue.path, key], known)}`)
      : [`${origin(issue.path)}: ${describe(issue)}`],
  );
  const isMissing = flat.some((issue) => issue.code !== "unrecognized_keys" && issue.input === undefined);
  return new UserError(
    problems.join("; "),
    isMissing ? "Give it in the file, or on the command line as KEY=VALUE." : undefined,
  );
}

/** What is wrong with the alternative that comes closest: one whose type is right and whose content is not. An issue
 *  of a union in which none is close stays as it is. */
function withoutUnions(issue: Issue): Issue[] {
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

function unknownKey(path: readonly PropertyKey[], known: readonly string[]): string {
  const last = String(path.at(-1));
  if (last.includes(".")) return `in a file it is written ${nested(last)}`;
  const renamed = RENAMED_FLAGS[last];
  if (renamed !== undefined) return `there is no such key; ${renamed}`;
  const near = nearest(path.filter((part) => typeof part === "string").join("."), known);
  return near === undefined ? "there is no such key" : `there is no such key; did you mean ${near}?`;
}

/** save.every -> save: {every: ...} */
function nested(key: string): string {
  const [first = "", ...rest] = key.split(".");
  return rest.reduceRight((inner, part) => `{${part}: ${inner}}`, "...").replace(/^/, `${first}: `);
}

function describe(issue: Exclude<Issue, { code: "unrecognized_keys" }>): string {
  const value: unknown = issue.input;
  const got = `got ${show(value)}`;
  if (value === undefined) return "it is missing";
  switch (issue.code) {
    case "invalid_type":
      return `expected ${typeName(issue.expected)}, ${got}`;
    case "too_small":
      if (issue.origin === "string") return `expected a text that is not empty, ${got}`;
      if (issue.origin === "array") return `expected at least ${issue.minimum} of them, ${got}`;
      return `expected ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}, ${got}`;
    case "too_big":
      if (issue.origin === "array") return `expected at most ${issue.maximum} of them, ${got}`;
      return `expected ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}, ${got}`;
    case "invalid_value": {
      if (issue.values.length === 1) return `${issue.message}, ${got}`;
      const near = typeof value === "string" ? nearest(value, issue.values.map(String)) : undefined;
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      return `expected ${issue.values.map(String).join(", ")}, ${got}${hint}`;
    }
    case "invalid_union":
      return `${issue.message.startsWith("expected") ? issue.message : `expected ${typesOf(issue)}`}, ${got}`;
    case "custom":
      return issue.message;
    default:
      return `${issue.message}, ${got}`;
  }
}

function typesOf(issue: Issue): string {
  const types = (inner: Issue): string[] => {
    if (inner.code === "invalid_union") return inner.errors.flat().flatMap(types);
    return inner.code === "invalid_type" ? [typeName(inner.expected)] : [];
  };
  return [...new Set(types(issue))].join(" or ");
}

function typeName(expected: string): string {
  const names: Record<string, string> = {
    string: "a text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
    tuple: "a list",
    object: "keys with values",
  };
  return names[expected] ?? expected;
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** The candidate with the fewest letters to change, if there are few enough for a slip. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const close = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return close[0]?.candidate;
}

/** Insertions, deletions and substitutions from one word to the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
