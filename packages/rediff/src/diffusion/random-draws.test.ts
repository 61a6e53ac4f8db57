import { rand, scope } from "@rediff/torch";
import { expect, test } from "vitest";
import { drawGenerator, drawsFrom, type RecordedDraw } from "./random-draws.js";

test("recorded draws must fit what is asked for, in this order", () => {
  const recorded: RecordedDraw[] = [
    { kind: "rand", shape: [1], values: [0.5] },
    { kind: "rand", shape: [1, 2], values: [0, 0.25] },
  ];
  const replayed = drawsFrom(recorded);
  expect([...replayed.uniform([1])]).toEqual([0.5]);
  expect([...replayed.uniform([1, 2])]).toEqual([0, 0.25]);
  expect(() => replayed.uniform([1, 2])).toThrow("recorded draw 2 is nothing, but rand [1, 2] is needed");
  const other = drawsFrom(recorded);
  other.uniform([1]);
  expect(() => other.uniform([1, 1])).toThrow("recorded draw 1 is rand [1, 2], but rand [1, 1]");
  expect(() => drawsFrom(recorded).integers(0, 9, [1])).toThrow("recorded draw 0 is rand [1], but randint [1]");
});

test("a generator for each place of a run: the same for the same place, others for others", () => {
  const first = (seed: number, step: number, micro: number) => {
    using generator = drawGenerator(seed, step, micro);
    return scope(() => rand([1], generator).item());
  };
  expect(first(1, 2, 3)).toBe(first(1, 2, 3));
  const places = [0, 1, 2, 100000].flatMap((a) => [0, 1, 2].flatMap((b) => [0, 1].map((c) => [a, b, c] as const)));
  expect(new Set(places.map((place) => first(...place))).size).toBe(places.length);
});
