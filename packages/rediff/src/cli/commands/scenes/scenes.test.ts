/** `rediff scenes`: flags in, files and stdout out. What the commands do is tested beside scenes/. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect } from "vitest";
import { test } from "../../../testing/fixtures.js";
import { folderOfFile } from "../../../testing/folders.js";
import { scenesCommand } from "./scenes.js";

const { at } = folderOfFile();

const quiet = (command: Command) => command.exitOverride().configureOutput({ outputError: () => undefined });
const scenes = (...args: string[]) => quiet(scenesCommand()).parseAsync(args, { from: "user" });
const records = (...names: string[]) =>
  readFileSync(at(...names), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
/** The captions of a file as predictions of a model that looks at other folders. */
function predict(name: string, from: string, change = (text: string, _index: number) => text): string {
  const lines = records(from).map((record, i) =>
    JSON.stringify({ image: `elsewhere/${record.image}`, text: change(record.conversations[1].value, i), steps: 3 }),
  );
  writeFileSync(at(name), `${lines.join("\n")}\n`);
  return at(name);
}

describe("rediff scenes", () => {
  const truth = () => at("set", "scenes.jsonl");

  test("generate makes scenes, and only what is missing", async ({ output }) => {
    const command = [
      "generate",
      "--count",
      "5",
      "--seed",
      "3",
      "--style",
      "held-out",
      "--size",
      "32",
      "--output",
      at("set"),
    ];
    await scenes(...command);
    expect(output.stdout).toMatch(/: 5 scenes, 5 of them new/);
    expect(records("set", "scenes.jsonl").map(({ scene }) => scene.style)).toEqual(Array(5).fill("twemoji"));
    output.stdout = "";
    await scenes(...command, "--json");
    expect(JSON.parse(output.stdout)).toMatchObject({ scenes: 5, made: 0 });
    await expect(scenes(...command, "--no-sizes")).rejects.toThrow(/is not the scene/);
  });

  test("generate takes a world of one's own", async () => {
    const own = ["--world", "large", "--names", "3", "--grid", "2", "--max-objects", "1", "--wording", "plain"];
    await scenes("generate", "--count", "6", "--output", at("own"), "--size", "32", "--split", "any", ...own);
    for (const { scene } of records("own", "scenes.jsonl")) {
      expect(scene.world).toMatchObject({ names: 3, grid: 2, maxObjects: 1, sizes: true, wording: "plain" });
      expect(["red apple", "green apple", "dog"]).toContain(scene.objects[0].name);
    }
    await expect(scenes("generate", "--count", "1", "--output", at("own2"), "--grid", "4")).rejects.toThrow("grid 4");
    await expect(scenes("generate", "--count", "1", "--output", at("own2"), "--style", "x")).rejects.toThrow(/style/);
    await expect(scenes("generate", "--output", at("own2"))).rejects.toThrow(/count/);
  });

  test("score prints full marks for true captions, as text and as JSON", async ({ output }) => {
    const predictions = predict("true.jsonl", join("set", "scenes.jsonl"));
    await scenes("score", "--predictions", predictions, "--truth", truth());
    expect(output.stdout).toMatch(/^5 pictures\n\ncoverage {4}1\.000 {2}\(1\.000 to 1\.000\)\n/);
    output.stdout = "";
    await scenes("score", "--predictions", predictions, "--truth", truth(), "--json");
    const scores = JSON.parse(output.stdout);
    expect(output.stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(scores).toMatchObject({ pictures: 5, missing: 0, coverage: 1, precision: 1, position: 1, count: 1 });
    expect(scores).toMatchObject({ grammar: 1, exact: 1, background: 1, edits: 0, intervals: { coverage: [1, 1] } });
  });

  test("score shows the difference to other predictions", async ({ output }) => {
    const predictions = predict("true.jsonl", join("set", "scenes.jsonl"));
    const worse = predict("worse.jsonl", join("set", "scenes.jsonl"), (text, i) => (i < 2 ? "" : text));
    await scenes("score", "--predictions", predictions, "--against", worse, "--truth", truth(), "--json");
    expect(JSON.parse(output.stdout).against).toMatchObject({ grammar: 0.4, exact: 0.4 });
  });

  test("score wants every picture once, unless --partial", async ({ output }) => {
    const all = predict("true.jsonl", join("set", "scenes.jsonl"));
    const [first, ...rest] = readFileSync(all, "utf8").trimEnd().split("\n");
    const file = (name: string, lines: (string | undefined)[]) => {
      writeFileSync(at(name), lines.join("\n"));
      return ["score", "--predictions", at(name), "--truth", truth()];
    };
    const few = file("few.jsonl", rest);
    await expect(scenes(...few)).rejects.toThrow(/lacks 1 of 5 pictures/);
    await scenes(...few, "--partial", "--json");
    expect(JSON.parse(output.stdout)).toMatchObject({ pictures: 4, missing: 1 });
    await expect(scenes(...file("twice.jsonl", [first, first, ...rest]))).rejects.toThrow(/twice\.jsonl:2: a second/);
    const strange = '{"image": "x.png", "text": ""}';
    await expect(scenes(...file("strange.jsonl", [first, ...rest, strange]))).rejects.toThrow(/has a picture x\.png/);
    await expect(scenes(...file("odd.jsonl", ["{}"]))).rejects.toThrow(/odd\.jsonl:1: no prediction/);
    await expect(scenes(...file("none.jsonl", []), "--partial")).rejects.toThrow(/no prediction to score/);
  });

  test("corrupt plants errors that score finds, and repairs are scored", async ({ output }) => {
    const errors = at("set", "errors.jsonl");
    await scenes("corrupt", "--truth", truth(), "--output", errors, "--seed", "1");
    expect(output.stdout).toMatch(/errors\.jsonl: 5 records/);
    output.stdout = "";
    const untouched = predict("untouched.jsonl", join("set", "errors.jsonl"));
    await scenes("score", "--predictions", untouched, "--truth", errors, "--json");
    expect(JSON.parse(output.stdout)).toMatchObject({
      exact: 0,
      repairs: { errors: 5, detected: 0, repaired: 0, false_edits: null },
    });
    output.stdout = "";
    const right = records("set", "errors.jsonl").map(({ right }) => right);
    const mended = predict("mended.jsonl", join("set", "errors.jsonl"), (_, i) => right[i]);
    await scenes("score", "--predictions", mended, "--truth", errors);
    expect(output.stdout).toMatch(/repaired {4}1\.000/);
  });

  test("conversations and tokenizer write their files", async ({ output }) => {
    const file = at("set", "short.jsonl");
    await scenes("conversations", "--truth", truth(), "--output", file, "--task", "where", "what", "--count", "2");
    expect(records("set", "short.jsonl")).toHaveLength(10);
    await scenes("tokenizer", "--output", at("model"));
    expect(output.stdout).toMatch(/tokens, \d+ of them words/);
    expect(JSON.parse(readFileSync(at("model", "tokenizer.json"), "utf8")).model.type).toBe("BPE");
  });
});
