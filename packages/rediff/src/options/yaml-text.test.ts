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
