/** Values that Python gives; each was written down from it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePythonList } from "./python-list.js";
import { parsePythonFloat, parsePythonInt, pythonFloatText, roundPython } from "./python-number.js";
import { splitPython, stripCharacters, withoutPunctuation } from "./python-text.js";

describe("numbers", () => {
  test.each([
    [" 14 ", 14],
    ["+5", 5],
    [".5", 0.5],
    ["5.", 5],
    ["1_000", 1000],
    ["1e3", 1000],
    ["\uff11\uff14", 14],
    ["\u0663.\u0665", 3.5],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["", undefined],
    ["0x64", undefined],
    ["1,000", undefined],
    ["1__0", undefined],
    ["_1", undefined],
    ["1 2", undefined],
  ])("float(%j)", (text, value) => {
    expect(parsePythonFloat(text)).toBe(value);
  });

  test("int() takes no fraction, and any length", () => {
    expect(parsePythonInt("007")).toBe(7n);
    expect(parsePythonInt("-12345678901234567890")).toBe(-12345678901234567890n);
    expect(parsePythonInt("1.0")).toBeUndefined();
  });

  test.each([
    [0.125, 2, 0.12],
    [0.375, 2, 0.38],
    [2.675, 2, 2.67],
    [2.5, 0, 2],
    [-0.125, 2, -0.12],
    [1.005, 2, 1],
    [1250.505, 2, 1250.51],
  ])("round(%d, %d)", (value, digits, rounded) => {
    expect(roundPython(value, digits)).toBe(rounded);
  });

  test.each([
    [14, "14.0"],
    [1e16, "1e+16"],
    [1e15, "1000000000000000.0"],
    [0.00001, "1e-05"],
    [0.0001, "0.0001"],
    [1.5e-7, "1.5e-07"],
    [-0, "-0.0"],
    [Number.NaN, "nan"],
  ])("str(%d)", (value, text) => {
    expect(pythonFloatText(value)).toBe(text);
  });

  test("what is written is read as the same number", () => {
    fc.assert(fc.property(fc.double(), (value) => Object.is(parsePythonFloat(pythonFloatText(value)), value)));
  });
});

describe("texts", () => {
  test("blanks of all kinds part words, and a byte order mark is none", () => {
    expect(splitPython(" a\u00a0b\u3000c\x1cd\ufeff ")).toEqual(["a", "b", "c", "d\ufeff"]);
    expect(stripCharacters("..a.b..", ".")).toBe("a.b");
    expect(withoutPunctuation("a-b\u3002(c)!")).toBe("ab\u3002c");
  });

  test("lists as Python writes them", () => {
    expect(parsePythonList(`['a', "it's", 'caf\\xe9\\n', 3.5, 'x' 'y',]`)).toEqual([
      "a",
      "it's",
      "caf\u00e9\n",
      "3.5",
      "xy",
    ]);
    expect(parsePythonList("[]")).toEqual([]);
    for (const broken of ["", "a", "['a'", "['a' 'b", "['a'] b", "[a b]"])
      expect(() => parsePythonList(broken)).toThrow(/no list/);
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          return Array.isArray(parsePythonList(text));
        } catch (error) {
          return error instanceof Error && error.name === "UserError";
        }
      }),
    );
  });
});
