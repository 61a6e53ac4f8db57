/** Numbers as Python reads, rounds and writes them: scores of the benchmarks hang on it. */
import { stripPython } from "../../text/python-strip.js";

/** float(text): blanks around it, underscores between digits, digits of any script, inf and nan.
 *  @returns undefined where Python raises ValueError */
export function parsePythonFloat(text: string): number | undefined {
  const plain = asciiDigits(stripPython(text));
  if (!/^[+-]?(?:(?:\d+(?:_\d+)*)(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i.test(plain)) {
    const special = /^([+-]?)(inf(?:inity)?|nan)$/i.exec(plain);
    if (special === null) return undefined;
    if (special[2]?.toLowerCase() === "nan") return Number.NaN;
    return special[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return Number(plain.replaceAll("_", ""));
}

/** int(text), of any length. */
export function parsePythonInt(text: string): bigint | undefined {
  const plain = asciiDigits(stripPython(text));
  const whole = /^([+-]?)(\d+(?:_\d+)*)$/.exec(plain);
  if (whole === null) return undefined;
  const value = BigInt(whole[2]?.replaceAll("_", "") ?? "");
  return whole[1] === "-" ? -value : value;
}

/** round(value, digits): by the number's exact value, and to an even digit where that lies in the middle (0.125 to 0.12,
 *  2.675, which is a little less, to 2.67). toFixed() is exact too, but goes up. */
export function roundPython(value: number, digits: number): number {
  if (!Number.isFinite(value) || digits > 100) return value;
  // Below, Intl and toFixed have no digits to take away.
  if (digits < 0) return roundPython(value / 10 ** -digits, 0) * 10 ** -digits;
  if (Math.abs(value) >= 1e21) return value;
  const up = value.toFixed(digits);
  // In the middle of two is only what has a fraction of few bits.
  if (!Number.isInteger(value * 2 ** (digits + 1)) || digits >= 99) return Number(up);
  const longer = value.toFixed(digits + 1);
  if (!longer.endsWith("5") || Number(up.at(-1)) % 2 === 0) return Number(up);
  return Number(longer.slice(0, -1));
}

/** str(value) of a float: 14.0, 1e+16, 1e-05, nan. */
export function pythonFloatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const [mantissa = "", power = ""] = value.toExponential().split("e");
  const exponent = Number(power);
  if (value === 0 || (exponent >= -4 && exponent < 16)) {
    const text = exponent < 0 ? plainFraction(mantissa, exponent) : String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  const digits = String(Math.abs(exponent)).padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
}

function plainFraction(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  return `${sign}0.${"0".repeat(-exponent - 1)}${mantissa.replace(/[-.]/g, "")}`;
}

/** Digits of all scripts as ours; Unicode has them in tens that begin with a zero. */
function asciiDigits(text: string): string {
  return text.replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0;
    for (let value = 0; value < 10; value++) {
      if (!/\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) return String(value);
    }
    // Several tens stand side by side only from U+1D7CE on, whose first is that zero.
    return String((code - 0x1d7ce) % 10);
  });
}
