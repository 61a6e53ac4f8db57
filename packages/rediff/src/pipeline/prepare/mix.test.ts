import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { openRecords } from "../formats/record-source.js";
import { closestRatio, mixRecords } from "./mix.js";
import { uniform } from "./uniform-random.js";

const { at } = folderOfFile();

const ask = (id: string, questions = 1) => ({
  id,
  conversations: Array.from({ length: questions }, (_, i) => [
    { from: "human", value: `${id}${i}?` },
    { from: "gpt", value: "\u00e9\u4e2d." },
  ]).flat(),
});

async function mix(normal: readonly unknown[], inference: readonly unknown[], seed = 1) {
  writeFileSync(at("normal.json"), JSON.stringify(normal));
  writeFileSync(at("inference.json"), JSON.stringify(inference));
  const sources = [await openRecords(at("normal.json")), await openRecords(at("inference.json"))] as const;
  const report = await mixRecords(...sources, at("mixed.json"), { seed });
  const text = readFileSync(at("mixed.json"), "utf8");
  return { report, text, records: JSON.parse(text) as ReturnType<typeof ask>[] };
}

describe("the ratio", () => {
  test.each([
    [10, 10, 1, 1],
    [20, 10, 2, 1],
    [15, 10, 1, 1], // as far from 1:1 as from 2:1
    [25, 10, 2, 1],
    [26, 10, 3, 1],
    [1000, 1, 5, 1],
    [1, 1000, 1, 5],
    [10, 20, 1, 2],
    [75, 100, 1, 1], // as far from 1:2
    [5, 0, 1, 0],
    [0, 5, 0, 1],
  ])("%i to %i is %i:%i", (normal, inference, n, m) => {
    expect(closestRatio(normal, inference)).toEqual({ normal: n, inference: m });
  });
});

test("records alternate in the ratio, nothing is dropped, order is kept", async () => {
  const { records, report } = await mix(
    ["a", "b", "c", "d", "e"].map((id) => ask(id)),
    ["X", "Y"].map((id) => ask(id)),
  );
  expect(records.map(({ id }) => id)).toEqual(["a", "b", "X", "c", "d", "Y", "e"]);
  expect(report).toMatchObject({ records: 7, normal: 5, inference: 2, ratio: { normal: 2, inference: 1 } });
});

test("marks: /no_think after every question, /think after about half, answers are left alone", async () => {
  const { records, report, text } = await mix([ask("n", 3)], [ask("r", 400)], 7);
  expect(records[0]?.conversations.map(({ value }) => value)).toEqual(
    [0, 1, 2].flatMap((i) => [`n${i}? /no_think`, "\u00e9\u4e2d."]),
  );
  const asked = records[1]?.conversations.filter(({ from }) => from === "human") ?? [];
  const thinking = asked.filter(({ value }) => value.endsWith("? /think")).length;
  expect(asked.every(({ value }) => /\?( \/think)?$/.test(value))).toBe(true);
  expect(thinking).toBeGreaterThan(160);
  expect(thinking).toBeLessThan(240);
  expect(report.thinking).toEqual({ turns: thinking, of: 400 });
  expect(text).toContain("\u00e9\u4e2d");
});

test("the seed decides, and only the seed", async () => {
  const reasoning = [ask("r", 64)];
  const [a, b, c] = [await mix([], reasoning, 1), await mix([], reasoning, 1), await mix([], reasoning, 2)];
  expect(a.text).toBe(b.text);
  expect(a.text).not.toBe(c.text);
});

test("records without conversations, turns without a value, other keys", async () => {
  const odd = [
    { id: "text", caption: "x" },
    {
      id: "half",
      conversations: [{ from: "human" }, { from: "system", value: "s" }],
      revise: [{ org: "a", target: "b" }],
    },
    { id: "roles", conversations: [{ role: "user", content: "q" }] },
  ];
  const { records } = await mix(odd, []);
  expect(records).toEqual([odd[0], odd[1], { id: "roles", conversations: [{ role: "user", content: "q /no_think" }] }]);
});

test("what cannot be mixed", async () => {
  await expect(mix([], [])).rejects.toThrow(/hold no records/);
  await expect(mix([{ conversations: [{ from: "human", value: 5 }] }], [])).rejects.toThrow(
    /normal\.json:1: a human turn's value is 5, expected a text/,
  );
  await expect(mix([{ conversations: ["x"] }], [])).rejects.toThrow(/a turn is "x", expected an object/);
});

test("any two sizes: all records, each kind in its order, runs no longer than the ratio while both last", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(23), fc.nat(23), async (n, m) => {
      if (n + m === 0) return;
      const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
      const { records, report } = await mix(
        ids("n", n).map((id) => ask(id)),
        ids("r", m).map((id) => ask(id)),
      );
      const order = records.map(({ id }) => id);
      expect(order.filter((id) => id.startsWith("n"))).toEqual(ids("n", n));
      expect(order.filter((id) => id.startsWith("r"))).toEqual(ids("r", m));
      const { normal, inference } = report.ratio;
      const expected: string[] = [];
      for (let i = 0, j = 0; i < n || j < m; i += normal, j += inference)
        expected.push(...ids("n", n).slice(i, i + normal), ...ids("r", m).slice(j, j + inference));
      expect(order).toEqual(expected);
    }),
    { numRuns: 25 },
  );
});

test("uniform numbers: in [0, 1), even, the same for the same seed", () => {
  const draw = uniform(3);
  const values = Array.from({ length: 10_000 }, draw);
  expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(Math.abs(values.reduce((sum, value) => sum + value, 0) / values.length - 0.5)).toBeLessThan(0.02);
  expect(new Set(values).size).toBe(values.length);
  const again = uniform(3);
  expect(values.slice(0, 5)).toEqual(Array.from({ length: 5 }, again));
});

test("questions and answers as keys are no turns that could be marked", async () => {
  await expect(mix([{ question: "Why?", answer: "So." }], [ask("r")])).rejects.toThrow(
    /normal\.json:1: has question and answer as two keys, and what is marked are turns/,
  );
});
