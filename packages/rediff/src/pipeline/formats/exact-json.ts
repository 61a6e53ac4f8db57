/** JSON texts that must not lose anything on the way to JavaScript values. */

export type JsonRecord = Record<string, unknown>;

export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value of a JSON text. @throws SyntaxError, also for a whole number that JavaScript would round */
export function parseExact(text: string): unknown {
  const value = JSON.parse(text) as unknown;
  // Only a text with a long row of digits can hold a whole number beyond 2^53.
  if (/\d{16}/.test(text)) refuseRounded(value, text);
  return value;
}

function refuseRounded(value: unknown, text: string): void {
  if (typeof value === "number") {
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) return;
    const changed = [...text.matchAll(/-?\d{16,}/g)].some(([digits]) => Number(digits) === value && !isKept(digits));
    if (changed) throw new SyntaxError(`the number ${value} has more digits than JavaScript keeps: write it as a text`);
  } else if (Array.isArray(value)) {
    for (const element of value) refuseRounded(element, text);
  } else if (isRecord(value)) {
    for (const element of Object.values(value)) refuseRounded(element, text);
  }
}

/** Large floats are written as digits too; what matters is that the same digits are written again. */
const isKept = (digits: string): boolean => String(Number(digits)) === digits;
