import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { positionsOf } from "./facts.js";
import { heldOutPosition, isHeldOutPair, splitOf } from "./held-out-scenes.js";
import { objectNames } from "./object-names.js";
import { rng } from "./purpose-random.js";
import { sampleFacts } from "./random-facts.js";
import { worlds } from "./world.js";

describe("what is held out", () => {
  const demoNames = objectNames.slice(0, worlds.demo.names).map(({ name }) => name);

  it("is about half of the names' positions and a tenth of the pairs", () => {
    for (const { names, grid } of Object.values(worlds)) {
      const held = objectNames.slice(0, names).filter(({ name }) => heldOutPosition(name, grid) !== undefined).length;
      expect(held / names).toBeGreaterThan(0.4);
      expect(held / names).toBeLessThan(0.6);
    }
    const pairs = demoNames.flatMap((one, i) => demoNames.slice(0, i).map((other) => [one, other] as const));
    const share = pairs.filter(([one, other]) => isHeldOutPair(one, other)).length / pairs.length;
    expect(share).toBeGreaterThan(0.05);
    expect(share).toBeLessThan(0.15);
  });

  it("leaves every position many names", () => {
    for (const position of positionsOf(2)) {
      const without = demoNames.filter((name) => heldOutPosition(name, 2) === position);
      expect(without.length).toBeLessThan(demoNames.length / 5);
    }
  });

  it("never changes: these are the rules that published checkpoints were trained with", () => {
    expect(
      ["dog", "cat", "red apple", "rocket"].map((name) => heldOutPosition(name, 2) ?? "none"),
    ).toMatchInlineSnapshot(`
      [
        "none",
        "top left",
        "none",
        "bottom right",
      ]
    `);
    const pairs = demoNames.flatMap((one, i) => demoNames.slice(0, i).map((other) => `${other} + ${one}`));
    expect(
      pairs.filter((pair) => isHeldOutPair(...(pair.split(" + ") as [string, string]))).slice(0, 3),
    ).toMatchInlineSnapshot(`
      [
        "red apple + dog",
        "green apple + rocket",
        "cat + mushroom",
      ]
    `);
  });

  it("depends on names and positions only, in any order", () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(2 as const, 3 as const), (seed, grid) => {
        const { objects } = sampleFacts({ ...worlds.large, grid }, rng(seed));
        const bare = objects.map(({ name, position }) => ({ name, position }));
        expect(splitOf([...bare].reverse(), grid)).toBe(splitOf(objects, grid));
      }),
    );
  });
});

describe("sampled facts", () => {
  it("belong to the split asked for, and keep the world's limits", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom("small", "demo", "large"),
        fc.constantFrom("train", "held-out"),
        (seed, name, split) => {
          const world = worlds[name];
          const facts = sampleFacts(world, rng(seed), split);
          expect(splitOf(facts.objects, world.grid)).toBe(split);
          expect(facts.objects.length).toBeLessThanOrEqual(world.maxObjects);
          expect(new Set(facts.objects.map((group) => group.name)).size).toBe(facts.objects.length);
          expect(new Set(facts.objects.map(({ position }) => position)).size).toBe(facts.objects.length);
          for (const { count, size, position, name: said } of facts.objects) {
            expect(count).toBeLessThanOrEqual(world.maxCount);
            expect(size !== undefined).toBe(world.sizes && count === 1);
            expect(positionsOf(world.grid)).toContain(position);
            expect(said.startsWith(`${facts.background} `)).toBe(false);
          }
        },
      ),
    );
  });

  it("are as full in either split", () => {
    const mean = (split: "train" | "held-out") =>
      Array.from({ length: 600 }, (_, i) => sampleFacts(worlds.demo, rng(i), split).objects.length).reduce(
        (a, b) => a + b,
      ) / 600;
    expect(Math.abs(mean("train") - mean("held-out"))).toBeLessThan(1e-9);
  });
});
