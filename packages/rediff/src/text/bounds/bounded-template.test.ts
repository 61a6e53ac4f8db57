/** Chat templates are programs of strangers: what goes on without end is stopped soon, and told in words. */
import { describe, expect, test } from "vitest";
import { renderBounded } from "./bounded-template.js";

const failure = (template: string): string => {
  try {
    return renderBounded(template, { messages: [{ role: "user", content: "hello" }] }).slice(0, 100);
  } catch (error) {
    return (error as Error).message;
  }
};

describe("a template that goes on without end is stopped", () => {
  test.each([
    [
      "a range of a billion",
      "{% for i in range(10**9) %}x{% endfor %}",
      /range\(\) would have 1000000000 elements; at most 100000/,
    ],
    ["a range whose step is no number", "{{ range(0, 10, 'x') }}", /elements; at most/],
    [
      "empty loops in each other",
      `${"{% for i in range(1000) %}".repeat(4)}${"{% endfor %}".repeat(4)}`,
      /more than (1000000 steps|\d+ ms)/,
    ],
    [
      "a text that doubles",
      "{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
      /a text of more than 16777216 letters/,
    ],
    [
      "a list that doubles",
      "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
      /a list of more than 100000 elements/,
    ],
    [
      "an indent of a hundred million",
      "{{ 'a\nb' | indent(100000000) }}",
      /a filter the number 100000000; at most 1000/,
    ],
    ["an indent by name", "{{ messages | tojson(indent=1000000000) }}", /a filter the number 1000000000/],
    [
      "texts that are gone over again and again",
      "{% set n = namespace(x='ab') %}{% for i in range(20) %}{% set n.x = n.x ~ n.x %}{% endfor %}" +
        "{% for i in range(1000) %}{% set y = n.x | replace('a', 'bbbb') | length %}{% endfor %}",
      /more than \d+ ms/,
    ],
    [
      "lists that hold each other twice",
      "{% set n = namespace(x=[1]) %}{% for i in range(30) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}",
      /more than \d+ ms/,
    ],
    ["brackets, 5,000 deep", `{{ ${"[".repeat(5000)}${"]".repeat(5000)} }}`, /nested too deep/],
    ["a megabyte", "a".repeat(1 << 20), /1048576 letters; at most 131072/],
    ["ten thousand blanks", `${" ".repeat(10_000)}{%- if 1 %}{% endif %}`, /more than 1000 blanks on end/],
  ])("%s", (_, template, message) => {
    const started = performance.now();
    expect(failure(template)).toMatch(message);
    expect(performance.now() - started, "wide, for a busy machine").toBeLessThan(20_000);
  });
});

test("templates render as ever: variables, loops, filters, the library's own names", () => {
  const template =
    "{% for m in messages if m.role == 'user' %}{{ m.content | trim | upper }}{{ loop.last }}{% endfor %}" +
    "{% for i in range(4, 0, -2) %}{{ i }}{% endfor %}{{ 'a\nb' | indent(2) }}{{ none is none }}{{ None is none }}" +
    "{{ strftime_now('%Y') | length }}";
  expect(failure(template)).toBe("HELLOTrue42a\n  bTrueTrue4".replaceAll("True", "true"));
  expect(failure("{{ raise_exception('no system message') }}")).toBe("no system message");
  expect(failure("{{ missing.deep }}")).not.toMatch(/Cannot read/);
});

test("a thousand messages are no trouble", () => {
  const messages = Array.from({ length: 1000 }, (_, i) => ({
    role: i % 2 === 0 ? "user" : "assistant",
    content: "words",
  }));
  const template =
    "{% for m in messages %}{% if loop.first %}<s>{% endif %}{{ '<h>' + m['role'] + '</h>' + m['content'] | trim }}{% endfor %}";
  expect(renderBounded(template, { messages }).length).toBeGreaterThan(10_000);
});
