/** ChartQA's equality: numbers may be five percent off, texts not at all. */
import { parsePythonFloat } from "../python/python-number.js";

const numberOf = (text: string): number | undefined => {
  if (!text.endsWith("%")) return parsePythonFloat(text);
  const value = parsePythonFloat(text.replace(/%+$/, ""));
  return value === undefined ? undefined : value / 100;
};

export function isRelaxedMatch(answer: string, target: string, tolerance = 0.05): boolean {
  const [given, wanted] = [numberOf(answer), numberOf(target)];
  // Nothing is a few percent of zero: then texts are compared, and "0.0" is not "0".
  if (given !== undefined && wanted !== undefined && wanted !== 0)
    return Math.abs(given - wanted) / Math.abs(wanted) <= tolerance;
  return answer.toLowerCase() === target.toLowerCase();
}
