import { describe, expect, test } from "vitest";
import { parseYaml } from "./yaml-text.js";

const nested = (depth: number) => `a: ${"[".repeat(depth)}${"]".repeat(depth)}`;
const bomb = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"];
for (let i = 1; i < 9; i++)
  bomb.push(
    `a${i}: &a${i} [${Array(9)
      .fill(`*a${i - 1}`)
      .join(",")}]`,
  );

describe("YAML that somebody gives us", () => {
  test("is read with its aliases, which may stand for one thing many times", () => {
    expect(parseYaml("a: &x {b: 1}\nc: [*x, *x]", "r.yaml").value).toEqual({ a: { b: 1 }, c: [{ b: 1 }, { b: 1 }] });
    expect(parseYaml("", "r.yaml").value).toBeNull();
    expect(parseYaml(nested(40), "r.yaml").value).toBeDefined();
  });

  test.each([
    ["aliases of aliases that stand for billions of values", bomb.join("\n"), /^r\.yaml:2: its aliases .* too many/],
    ["an alias within what it stands for", "b: 1\na: &x\n  - 2\n  - *x\n", /^r\.yaml:4: .*within what it stands for$/],
    ["a list that is itself", "&a [*a]", /^r\.yaml:1: .*within what it stands for$/],
    ["two anchors that name each other", "a: &x {b: &y {c: *x, d: *y}}", /^r\.yaml:1: .*within what it/],
    ["an alias of nothing", "a: *none", /^r\.yaml:1: Unresolved alias/],
    ["what is nested deeper than anybody writes", nested(200), /^r\.yaml: it is nested more than 50 deep/],
    ["what is nested deeper than the parser can go", `a: ${"[".repeat(20_000)}`, /^r\.yaml(:1)?: .*nested too deep/],
    ["a key twice", "a: 1\nb: 2\na: 3", /^r\.yaml:3: a: the key is there twice$/],
    ["a key twice, as a number and as a text", "1: a\nb: 2\n'1': c", /^r\.yaml:3: 1: the key is there twice$/],
    ["a key twice within keys", "a: {b: 1, c: 2}\nd: {b: 1, b: 2}", /^r\.yaml:2: b: the key is there twice$/],
    ["a second document", "a: 1\n---\nb: 2\n", /^r\.yaml:2: a second document begins here, and one was expected$/],
    ["broken syntax", "a: 1\nb: [", /^r\.yaml:2: Flow sequence/],
  ])("%s is refused in one line that says where", (_, text, message) => {
    expect(() => parseYaml(text, "r.yaml")).toThrow(message);
  });
});

test("keys are words: a hundred bytes of keys within keys would become a gigabyte of text", () => {
  for (const text of ["a: 1\n? [b]\n: 2", "a: 1\n? {b: c}\n: 2", "a: &x {b: 1}\n*x : 2", `a: 1\n${"? ".repeat(50)}`])
    expect(() => parseYaml(text, "recipe.yaml")).toThrow(/^recipe\.yaml:2: a key is a word, and this one is/);
  expect(parseYaml("? a\n: {1: b, null: c}\n", "recipe.yaml").value).toEqual({ a: { 1: "b", "": "c" } });
});

test("stacks are taken again behind a text of mistakes", () => {
  const limit = Error.stackTraceLimit;
  expect(() => parseYaml("[".repeat(2000), "recipe.yaml")).toThrow(/recipe\.yaml/);
  expect(Error.stackTraceLimit).toBe(limit);
});

test("hundreds of thousands of mistakes are not collected", () => {
  for (const mistake of ["]", "'a'\n", "{", "? x\n"]) {
    const text = mistake.repeat(300_000);
    const before = process.memoryUsage().rss;
    expect(() => parseYaml(text, "r.yaml")).toThrow("r.yaml: it has more than 65536 words and signs");
    expect(process.memoryUsage().rss - before, "wide, for what else the process does").toBeLessThan(64 << 20);
  }
});

/** A text of one megabyte, of the same over and over. */
const endless = (piece: string) => piece.repeat(Math.ceil(1_000_000 / piece.length));

test.each([
  ["brackets", endless("[")],
  ["ends of lists", endless("}")],
  ["commas", `a: [${endless(",")}]`],
  ["tabs", `a:\n${endless("\t- x: }\n")}`],
  ["escapes in one text", `a: "${endless("\\q")}"`],
  ["the same key", endless("a: 1\n")],
  ["keys", Array.from({ length: 60_000 }, (_, i) => `key${i}: ${i}`).join("\n")],
  ["names of nothing", endless("- *x\n")],
  ["tags of nothing", endless("- !x y\n")],
])("a megabyte of %s is left after 65,536 words and signs", (_, text) => {
  const before = performance.now();
  expect(() => parseYaml(text, "r.yaml")).toThrow(/^r\.yaml: it has more than 65536 words and signs/);
  expect(performance.now() - before).toBeLessThan(5_000); // 0.1 s; without bounds, up to two minutes
});

test("thousands of keys are each looked at once", () => {
  const text = Array.from({ length: 7_000 }, (_, i) => `key${i}: ${i}`).join("\n");
  const before = performance.now();
  expect(Object.keys(parseYaml(text, "m.yaml").value as object)).toHaveLength(7_000);
  expect(performance.now() - before).toBeLessThan(5_000); // 0.3 s; compared with each other, some seconds
});
