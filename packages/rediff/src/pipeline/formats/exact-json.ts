/** JSON texts that must not lose anything on the way to JavaScript values. */

import { parseShallowJson } from "../../options/shallow-json.js";

export type JsonRecord = Record<string, unknown>;

export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value of a JSON text. @throws SyntaxError, also for a whole number that JavaScript would round, and for brackets
 *  nested too deep */
export function parseExact(text: string): unknown {
  const value = parseShallowJson(text);
  // Only a text with a long row of digits can hold a whole number beyond 2^53.
  if (/\d{16}/.test(text)) refuseRounded(value, roundedNumbers(text));
  return value;
}

/** What rows of digits would become that are not kept. */
function roundedNumbers(text: string): ReadonlySet<number> {
  const rounded = new Set<number>();
  for (const [digits] of text.matchAll(/-?\d{16,}/g)) if (!isKept(digits)) rounded.add(Number(digits));
  return rounded;
}

function refuseRounded(value: unknown, rounded: ReadonlySet<number>): void {
  if (typeof value === "number") {
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && rounded.has(value))
      throw new SyntaxError(`the number ${value} has more digits than JavaScript keeps: write it as a text`);
  } else if (Array.isArray(value)) {
    for (const element of value) refuseRounded(element, rounded);
  } else if (isRecord(value)) {
    for (const element of Object.values(value)) refuseRounded(element, rounded);
  }
}

/** Large floats are written as digits too; what matters is that the same digits are written again. */
const isKept = (digits: string): boolean => String(Number(digits)) === digits;
