import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { parseTemplate, type TemplatePart } from "./fill-template.js";

const text = (value: string): TemplatePart => ({ kind: "text", text: value });
const blank = (tokens: number): TemplatePart => ({ kind: "blank", tokens });

const complaint = (source: string): string => {
  try {
    parseTemplate(source);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).line;
  }
  return "no complaint";
};

describe("templates", () => {
  test.each<[string, TemplatePart[]]>([
    ["A [[2]] is here.", [text("A "), blank(2), text(" is here.")]],
    ["[[12]]", [blank(12)]],
    ["[[1]][[2]] x", [blank(1), blank(2), text(" x")]],
    ["[[007]]", [blank(7)]],
    ["a[1] ]] [ [[1]]", [text("a[1] ]] [ "), blank(1)]],
    ["[[[1]]]", [text("["), blank(1), text("]")]],
    ["\\[[1]] is [[1]]", [text("[[1]] is "), blank(1)]],
    ["C:\\dir \\\\[[1]]", [text("C:\\dir \\"), blank(1)]],
    ["\\\\\\[[\\[[[[1]]\\", [text("\\[[[["), blank(1), text("\\")]],
    ["line\n[[1]]\n", [text("line\n"), blank(1), text("\n")]],
  ])("%j", (source, parts) => {
    expect(parseTemplate(source)).toEqual(parts);
  });

  test("text with its brackets escaped comes back as it was", () => {
    const escaped = (value: string, isBeforeBlank: boolean) => {
      const marked = value.replace(/(\\*)\[\[/g, (_, slashes: string) => `${slashes}${slashes}\\[[`);
      return isBeforeBlank ? marked.replace(/(\\*)(\[?)$/, "$1$1$2") : marked;
    };
    const fixed = fc.string({ unit: fc.constantFrom("[", "]", "\\", "1", "a", " ", "\n"), minLength: 1, maxLength: 8 });
    const part = fc.oneof(
      fixed.map((value) => text(value)),
      fc.integer({ min: 1, max: 30 }).map((tokens) => blank(tokens)),
    );
    const parts = fc.array(part, { minLength: 1, maxLength: 6 }).filter((list) => {
      const isBlank = list.map(({ kind }) => kind === "blank");
      return isBlank.includes(true) && !isBlank.some((is, i) => !is && isBlank[i + 1] === false);
    });
    fc.assert(
      fc.property(parts, (list) => {
        const source = list
          .map((one, i) =>
            one.kind === "blank" ? `[[${one.tokens}]]` : escaped(one.text, list[i + 1]?.kind === "blank"),
          )
          .join("");
        expect(parseTemplate(source)).toEqual(list);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("mistakes", () => {
  test.each([
    ["", "the template has no blank. Write [[N]] where N tokens are to be filled in: A [[2]] sleeps."],
    ["no \\[[1]]", "the template has no blank. Write [[N]] where N tokens are to be filled in: A [[2]] sleeps."],
    [
      "ab [[x]] c",
      '"[[x]]" at offset 3 of the template is no blank. Write [[N]] with N from 1 to 16384 tokens, or \\[[ for the brackets themselves.',
    ],
  ])("%j", (source, message) => {
    expect(complaint(source)).toBe(message);
  });

  test.each([
    ["[[0]]", '"[[0]]" at offset 0'],
    ["[[-1]]", '"[[-1]]" at offset 0'],
    ["[[1.5]]", '"[[1.5]]" at offset 0'],
    ["[[ 2 ]]", '"[[" at offset 0'],
    ["a [[2", '"[[2" at offset 2'],
    ["[[1]] [[2]", '"[[2]" at offset 6'],
    ["[[[x]]", '"[[x]]" at offset 1'],
    ["[[", '"[[" at offset 0'],
    ["[[99999999999999999999]]", '"[[999999999999" at offset 0'],
    ["[[16384]] [[1]]", "more than 16384 tokens at offset 10"],
  ])("%j", (source, part) => {
    expect(complaint(source)).toContain(part);
  });

  test("whatever comes in: a template or one clear line, at once", () => {
    const signs = fc.string({ unit: fc.constantFrom("[", "]", "\\", "1", "0", "x"), maxLength: 40 });
    fc.assert(
      fc.property(fc.oneof(signs, fc.string()), (source) => {
        if (complaint(source) !== "no complaint") return;
        expect(parseTemplate(source).some(({ kind }) => kind === "blank")).toBe(true);
      }),
      { numRuns: 1000 },
    );
    for (const sign of ["\\", "[", "]", "[[1]]x"]) {
      const started = performance.now();
      complaint(sign.repeat(200_000));
      expect(performance.now() - started).toBeLessThan(2000);
    }
  });
});
