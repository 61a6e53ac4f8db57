import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { folderOfEachTest } from "../../testing/folders.js";
import { roundTables } from "./improve-report.js";
import { readLoop } from "./loop-progress.js";

const scratch = folderOfEachTest();
const { at } = scratch;
const read = () => readLoop(scratch.path);
const write = (path: string, value: unknown) => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), JSON.stringify(value));
};

const evaluate = { measures: ["loss"], decoding: [], loss: { loss: 2.5, terms: {}, samples: 4 }, seconds: 1 };
const round = {
  draft: { drafts: 10, records: 12 },
  correct: { total: { right: 3, corrected: 7, cost: null } },
  select: { kept: 6, pairs: { kept: 8, total: 9 } },
  train: { corrections: 6, extra: 2, steps: 50, loss: 1.25 },
};

test("a folder that is none of a loop", () => {
  expect(read()).toBeUndefined();
  expect(readLoop(at("nowhere"))).toBeUndefined();
});

test("a loop at work: what is done of the newest round, and where it trains", () => {
  write("improve.json", { version: 1, rounds: [{ evaluate }, { ...round, evaluate }, { draft: round.draft }] });
  write("round-1/model/metrics.jsonl", {});
  mkdirSync(at("round-2"));
  expect(read()).toMatchObject({
    isAtWork: false,
    done: { round: 2, stages: ["draft"] },
    training: at("round-1/model"),
  });
  write("improve.lock", {});
  write("round-2/trained/.lock", {});
  expect(read()).toMatchObject({ isAtWork: true, training: at("round-2/trained") });
  utimesSync(at("improve.lock"), 1, 1);
  expect(read()?.isAtWork).toBe(false);
});

test("its tables are those of improve, from reports of rounds where nothing else is left", () => {
  write("round-0/report.json", { round: 0, model: "m", evaluate });
  write("round-1/report.json", { round: 1, model: "m", ...round, evaluate: { ...evaluate, loss: { loss: 2 } } });
  write("round-2/report.json", "none of ours");
  const loop = read();
  expect(loop?.rounds.map(({ round }) => round)).toEqual([0, 1]);
  expect(roundTables(loop?.rounds ?? [])).toEqual([
    "| round | held-out loss |",
    "| ----: | ------------: |",
    "|     0 |         2.500 |",
    "|     1 |         2.000 |",
    "",
    "| round | drafts | found right | corrected | pairs kept | learnt from | extra | updates |  loss |",
    "| ----: | -----: | ----------: | --------: | ---------: | ----------: | ----: | ------: | ----: |",
    "|     1 |     10 |       30.0% |         7 |     8 of 9 |           6 |     2 |      50 | 1.250 |",
  ]);
});
