/** Questions and answers about scenes: every answer is true. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRecord } from "../../data/records/parse-record.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeConversations } from "../records/derive-records.js";
import { generateScenes } from "../records/generate-scenes.js";
import { factsArbitrary } from "../testing/arbitrary.js";
import type { Layout } from "../world/cells.js";
import { type Facts, positionsOf } from "../world/facts.js";
import { findName } from "../world/object-names.js";
import { rng } from "../world/purpose-random.js";
import { worlds } from "../world/world.js";
import { ask, MAP_SIDE, type Task, tasks } from "./scene-questions.js";
import { vocabulary } from "./vocabulary.js";
import { splitWords } from "./words.js";

const { at, path: folder } = folderOfFile();

const world = { grid: 3, wording: "free", names: 28 } as const;
const nowhere: Layout = { size: 90, boxes: [] };
const asked = (task: Task, facts: Facts, layout = nowhere, seed = 0) =>
  ask(task, facts, world, layout, rng("tasks", seed));

/** Answers to both of map's questions. */
function maps(facts: Facts, layout: Layout): { last: string[]; first: string[] } {
  const found: Partial<Record<"last" | "first", string[]>> = {};
  for (let seed = 0; seed < 40; seed++) {
    const { question, answer } = asked("map", facts, layout, seed);
    found[question === "What objects are where?" ? "last" : "first"] = answer.split(" ");
  }
  return found as { last: string[]; first: string[] };
}

describe("map", () => {
  const facts: Facts = {
    background: "gray",
    objects: [
      { name: "red apple", count: 1, position: "top left" },
      { name: "crab", count: 2, position: "bottom right" },
    ],
  };

  it("names what covers each patch's middle, row by row; the last word of its name, or the first", () => {
    // Patches are 10 pixels: the apple covers the first 2 x 1, crabs one each in the last row.
    const boxes: Layout["boxes"] = [
      [[0, 0, 20, 10]],
      [
        [70, 80, 10, 10],
        [80, 80, 10, 10],
      ],
    ];
    const { last, first } = maps(facts, { size: 90, boxes });
    const expected = Array<string>(MAP_SIDE * MAP_SIDE).fill("nothing");
    expected.splice(0, 2, "apple", "apple");
    expected.splice(79, 2, "crab", "crab");
    expect(last).toEqual(expected);
    expect(first).toEqual(expected.map((word) => (word === "apple" ? "red" : word)));
  });

  it("counts a patch only when its middle is covered, and of two the one in front", () => {
    const { last } = maps(facts, { size: 90, boxes: [[[0, 0, 30, 4]], [[0, 10, 10, 10]]] });
    expect(last.slice(0, 10)).toEqual([...Array<string>(9).fill("nothing"), "crab"]);
    const above = maps(facts, { size: 90, boxes: [[[0, 0, 90, 90]], [[10, 0, 10, 10]]] });
    expect(above.last.slice(0, 3)).toEqual(["apple", "crab", "apple"]);
  });

  it("does not depend on the picture's size", () => {
    const scaled = (factor: number): Layout => ({
      size: 90 * factor,
      boxes: [[[7 * factor, 3 * factor, 22 * factor, 31 * factor]], []],
    });
    expect(maps(facts, scaled(3))).toEqual(maps(facts, scaled(1)));
  });
});

describe("cells", () => {
  it("goes through every position once, in any order, and says what is there or nothing", () => {
    const orders = new Set<string>();
    fc.assert(
      fc.property(factsArbitrary, fc.nat(), (facts, seed) => {
        const { question, answer } = asked("cells", facts, nowhere, seed);
        expect(question).toBe("What is where?");
        expect(answer.endsWith(".")).toBe(true);
        const cells = answer
          .slice(0, -1)
          .split(". ")
          .map((cell) => {
            const [row, column, ...rest] = cell.split(" ");
            return { position: `${row} ${column}`, rest: rest.join(" ") };
          });
        expect(cells.map(({ position }) => position).sort()).toEqual([...positionsOf(3)].sort());
        orders.add(cells.map(({ position }) => position).join());
        for (const { position, rest } of cells) {
          const group = facts.objects.find((candidate) => candidate.position === position);
          const noun = group && (group.count === 1 ? findName(group.name)?.name : findName(group.name)?.plural);
          if (group === undefined) expect(rest).toBe("nothing");
          else expect(rest).toMatch(new RegExp(`^(an?|one|two|three|four) ${noun}$`));
        }
      }),
      { numRuns: 100 },
    );
    expect(orders.size).toBeGreaterThan(20);
  });

  it("of a world with four positions has four", () => {
    const facts: Facts = { background: "gray", objects: [{ name: "crab", count: 1, position: "top left" }] };
    const { answer } = ask("cells", facts, { grid: 2, wording: "plain", names: 28 }, nowhere, rng(1));
    expect(answer.split(". ")).toHaveLength(4);
    expect(answer).toContain("top left a crab.");
  });
});

describe("every task", () => {
  it.each([...tasks])("%s: words of the vocabulary only, the same for the same draws", (task) => {
    const known = new Set(vocabulary());
    fc.assert(
      fc.property(factsArbitrary, fc.nat(), (facts, seed) => {
        const layout: Layout = { size: 90, boxes: facts.objects.map(() => [[0, 0, 30, 30] as const]) };
        const exchange = asked(task, facts, layout, seed);
        expect(asked(task, facts, layout, seed)).toEqual(exchange);
        for (const text of Object.values(exchange))
          for (const word of splitWords(text)) expect(known.has(word.toLowerCase()), word).toBe(true);
        expect(exchange.answer).not.toBe("");
      }),
      { numRuns: 40 },
    );
  });
});

describe("conversations of pictures that are there", () => {
  const lines = (name: string) =>
    readFileSync(at(name), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it("map and cells of rendered scenes, forms with blanks", async () => {
    await generateScenes({
      world: worlds.demo,
      seed: 3,
      split: "any",
      style: "train",
      size: 48,
      count: 4,
      folder,
    });
    const truth = at("scenes.jsonl");
    const scenes = lines("scenes.jsonl") as { scene: { objects: { name: string }[] } }[];
    await writeConversations({ truth, output: at("maps.jsonl"), seed: 1, count: 2, tasks: ["map"] });
    const answers = lines("maps.jsonl").map(
      (line) => parseRecord(line, { file: "maps.jsonl", index: 0 }).turns[1]?.content,
    );
    expect(answers).toHaveLength(8);
    for (const [i, answer] of answers.entries()) {
      const words = new Set((answer ?? "").split(" "));
      const names = scenes[i >> 1]!.scene.objects.flatMap(({ name }) => name.split(" "));
      expect((answer ?? "").split(" ")).toHaveLength(MAP_SIDE ** 2);
      words.delete("nothing");
      expect(words.size).toBeGreaterThan(0);
      for (const word of words) expect(names).toContain(word);
    }

    const output = at("forms.jsonl");
    const tasks: Task[] = ["caption", "color"];
    await writeConversations({ truth, output, seed: 1, count: 5, tasks, blanks: ["names", "colors"] });
    const forms = lines("forms.jsonl").map((line) => parseRecord(line, { file: "forms.jsonl", index: 0 }));
    expect(forms.filter(({ blanks }) => blanks !== undefined).length).toBeGreaterThan(10);
    for (const { blanks, turns } of forms) {
      const answer = turns[1]?.content ?? "";
      const found = (blanks ?? []).map(([start, end]) => answer.slice(start, end));
      for (const word of found) expect(word).toMatch(/^[A-Za-z]+$/);
      // "red." has no name in it: it is learnt as a whole.
      if (blanks === undefined) expect(splitWords(answer)).toHaveLength(2);
    }
  });
});
