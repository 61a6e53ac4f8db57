/** Comparison of values as JSON has them. */
import type { Outcome } from "./golden-case.js";

/** Passed when both are equal in every part. The note names the first difference; the deviation is the largest
 *  difference between numbers, Infinity when lengths, keys, texts or types differ. */
export const compareExact = (actual: unknown, expected: unknown): Outcome => compareWithin(actual, expected, 0);

/** The same, with numbers as far from each other as `most`. */
export function compareWithin(actual: unknown, expected: unknown, most: number): Outcome {
  let deviation = 0;
  let note: string | undefined;
  const differ = (path: string, got: unknown, wanted: unknown): void => {
    note ??= `${path || "value"}: got ${show(got)}, expected ${show(wanted)}`;
    const distance = typeof got === "number" && typeof wanted === "number" ? Math.abs(got - wanted) : Infinity;
    deviation = Math.max(deviation, Number.isNaN(distance) ? Infinity : distance);
  };
  const visit = (path: string, got: unknown, wanted: unknown): void => {
    if (Array.isArray(got) && Array.isArray(wanted)) {
      if (got.length !== wanted.length) differ(`${path}.length`, got, wanted);
      for (let i = 0; i < Math.min(got.length, wanted.length); i++) visit(`${path}[${i}]`, got[i], wanted[i]);
    } else if (isRecord(got) && isRecord(wanted)) {
      for (const key of new Set([...Object.keys(got), ...Object.keys(wanted)])) {
        visit(path ? `${path}.${key}` : key, got[key], wanted[key]);
      }
    } else if (typeof got === "number" && typeof wanted === "number" && Math.abs(got - wanted) <= most) {
      deviation = Math.max(deviation, Math.abs(got - wanted));
    } else if (got !== wanted && !(Number.isNaN(got) && Number.isNaN(wanted))) {
      differ(path, got, wanted);
    }
  };
  visit("", actual, expected);
  return note === undefined ? { status: "passed", deviation } : { status: "failed", deviation, note };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  const text = Array.isArray(value) ? `${value.length} elements` : (JSON.stringify(value) ?? "nothing");
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
