import fc from "fast-check";
import { expect, test } from "vitest";
import { filledParts, insertBlank, parseTemplate, templateProblem } from "./fill-template.js";

test("text and blanks in order", () => {
  expect(parseTemplate("A [[2]] is [[ 3 ]].")).toEqual([
    { kind: "text", text: "A " },
    { kind: "blank", tokens: 2 },
    { kind: "text", text: " is " },
    { kind: "blank", tokens: 3 },
    { kind: "text", text: "." },
  ]);
  expect(templateProblem("no blanks [[x]]")).toMatch(/no blank/);
  expect(templateProblem("[[0]]")).toMatch(/0 tokens/);
});

test("a blank goes where the cursor is, with spaces where words touch", () => {
  expect(insertBlank("a dog.", { start: 1, end: 5 }, 2)).toEqual({ template: "a [[2]].", cursor: 7 });
  expect(insertBlank("", { start: 0, end: 0 }, 1)).toEqual({ template: "[[1]]", cursor: 5 });
});

test("wherever it is inserted, there is one blank more, and the text around stays", () => {
  fc.assert(
    fc.property(fc.constantFrom("", "a dog", "[[2]]", "x [[1]], y"), fc.nat(12), (template, at) => {
      const start = Math.min(at, template.length);
      const next = insertBlank(template, { start, end: start }, 3).template;
      const blanks = (text: string) => parseTemplate(text).filter(({ kind }) => kind === "blank").length;
      expect(blanks(next)).toBe(blanks(template) + 1);
      expect(next.replace(/ ?\[\[3\]\] ?/, "").replaceAll(" ", "")).toBe(template.replaceAll(" ", ""));
    }),
  );
});

test("filled parts are marked and joined give the text; blanks outside of it are refused", () => {
  const blanks = [
    { start: 2, end: 5, text: "dog" },
    { start: 9, end: 13, text: "here" },
  ];
  const parts = filledParts("A dog is here.", blanks, [{ start: 6, end: 8, text: "is" }]);
  expect(parts.map(({ text }) => text).join("")).toBe("A dog is here.");
  expect(parts.filter(({ kind }) => kind === "filled").map(({ text }) => text)).toEqual(["dog", "here"]);
  expect(parts.filter(({ kind }) => kind === "unread").map(({ text }) => text)).toEqual(["is"]);
  expect(() => filledParts("abc", [{ start: 2, end: 9, text: "" }])).toThrow(/3 characters/);
});
