import { expect, test } from "vitest";
import { expandBraces } from "./brace-expansion.js";

test("a list, as the reference has it", () => {
  expect(expandBraces("data/llava_{a,b,c}.json")).toEqual([
    "data/llava_a.json",
    "data/llava_b.json",
    "data/llava_c.json",
  ]);
  expect(expandBraces("{only}.json")).toEqual(["only.json"]);
});

test("ranges keep their zeros", () => {
  expect(expandBraces("s-{008..011}.tar")).toEqual(["s-008.tar", "s-009.tar", "s-010.tar", "s-011.tar"]);
  expect(expandBraces("s-{9..11}.tar")).toEqual(["s-9.tar", "s-10.tar", "s-11.tar"]);
  expect(() => expandBraces("s-{9..1}.tar")).toThrow(/counts down/);
  expect(() => expandBraces("s-{0..99999999}.tar")).toThrow(/more than/);
});

test("several and nested ones", () => {
  expect(expandBraces("{a,b}/{0..1}.json")).toEqual(["a/0.json", "a/1.json", "b/0.json", "b/1.json"]);
  expect(expandBraces("{a,b{1..2}}.json")).toEqual(["a.json", "b1.json", "b2.json"]);
});

test("what has no partner is a character", () => {
  for (const name of ["plain.json", "odd{name.json", "odd}name.json"]) expect(expandBraces(name)).toEqual([name]);
});

test("lists that stand for too many names are refused before they are made, wherever they stand", () => {
  for (const pattern of ["{1..100000}{1..100000}", "{1..1000}".repeat(20), `{${"{1..90000},".repeat(20)}a}`])
    expect(() => expandBraces(pattern)).toThrow(/more than 100000 files/);
  for (const pattern of ["{a}".repeat(20_000), `${"{".repeat(20_000)}a${"}".repeat(20_000)}`])
    expect(() => expandBraces(pattern)).toThrow(/more than 64 lists/);
});
