/** MMMU's questions without options: what an answer ends in, and the numbers in it. */
import { stripPython } from "../../text/python-strip.js";
import { parsePythonFloat, roundPython } from "../python/python-number.js";
import { PYTHON_WORD, pythonLength, stripCharacters } from "../python/python-text.js";

export type OpenValue = string | number;

const openings = ["could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result "];
const loneSigns = [":", ",", ".", "!", "?", ";", "'"];

/** All that may be meant, each once. */
export function openValues(answer: string): OpenValue[] {
  const text = stripCharacters(stripPython(answer), ".").toLowerCase();
  const pieces = text.split("\n");
  const tails = pieces
    .map((piece, i) => tailOf(piece, i === pieces.length - 1 ? [...openings, "="] : openings))
    .filter((tail) => tail !== "" && !loneSigns.includes(stripPython(tail)));
  const found = tails.length > 0 ? tails : [text];
  return [...new Set([...found, ...found.flatMap(numbersIn)].flatMap(normalized))];
}

/** The shortest of what follows the last of each opening; an empty one is forgotten again. */
function tailOf(piece: string, after: readonly string[]): string {
  let shortest = "";
  for (const opening of after) {
    const at = piece.lastIndexOf(opening);
    if (at < 0) continue;
    const tail = stripPython(piece.slice(at + opening.length));
    if (shortest === "" || pythonLength(tail) < pythonLength(shortest)) shortest = tail;
  }
  return shortest;
}

const digit = "\\p{Nd}";
const edge = `(?:(?<=[${PYTHON_WORD}])(?![${PYTHON_WORD}])|(?<![${PYTHON_WORD}])(?=[${PYTHON_WORD}]))`;
/** They overlap: "1,250.50" holds 1250, 1250.5 is the whole, and 250.5. */
const numberPatterns = [
  `-?${edge}${digit}{1,3}(?:,${digit}{3})+${edge}`,
  `-?${digit}+(?:\\.${digit}+)?[eE][+-]?${digit}+`,
  `-?(?:${digit}+\\.${digit}+|\\.${digit}+|${digit}+${edge})(?![eE][+-]?${digit}+)(?![,${digit}])`,
].map((pattern) => new RegExp(pattern, "gu"));

const numbersIn = (text: string): string[] => numberPatterns.flatMap((pattern) => text.match(pattern) ?? []);

/** A number to two decimals, or a text in small letters; a single character counts with a blank on one side. */
export function normalized(text: string): OpenValue[] {
  const plain = stripPython(text);
  const value = parsePythonFloat(plain.replaceAll(",", ""));
  if (value !== undefined) return [roundPython(value, 2)];
  const lower = plain.toLowerCase();
  return pythonLength(lower) === 1 ? [` ${lower}`, `${lower} `] : [lower];
}

/** A number of the answer is the expected one, or a text of it has the expected text in it. */
export function openMatch(values: readonly OpenValue[], target: string): boolean {
  const wanted = normalized(target);
  return values.some((value) =>
    typeof value === "string"
      ? wanted.some((text) => typeof text === "string" && value.includes(text))
      : wanted.some((number) => number === value),
  );
}
