import { memory, setThreads } from "@rediff/torch";
import { beforeAll, expect, test } from "vitest";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { folderOfFile } from "../../testing/folders.js";
import { changedTensors } from "../testing/changed-tensors.js";
import { makeWorld } from "../world/world.js";
import { writeStartModel } from "./start-model.js";
import { trainTowerOf } from "./tower-model.js";
import { type SeenAlike, varyTower } from "./vary-tower.js";

const { at } = folderOfFile();
const [start, named] = [at("start"), at("named")];
const world = makeWorld("small", { names: 4, textures: false });
const options = { batch: 8, learningRate: 2e-3, seed: 1, world };

beforeAll(async () => {
  setThreads(1);
  await writeStartModel(start, { width: 64, layers: 1, size: 48, patch: 16 });
  await trainTowerOf(start, named, { goal: "name patches", ...options, learningRate: 3e-3, updates: 60 });
}, 120_000);

test("sees varied artwork more as it saw the artwork itself, which it sees as before, and leaks nothing", {
  timeout: 120_000,
}, async () => {
  using model = await loadModelFolder(named);
  using before = await loadModelFolder(named);
  const tensors = memory().tensors;
  const reports: SeenAlike[] = [];
  await varyTower(model, before, {
    ...options,
    learningRate: 3e-3,
    updates: 200,
    onUpdate: (report) => void reports.push(report),
  });
  const mean = (some: SeenAlike[], key: keyof SeenAlike) =>
    some.reduce((sum, report) => sum + report[key], 0) / some.length;
  expect(reports[0]?.plain).toBeLessThan(1e-9);
  expect(mean(reports.slice(-30), "varied")).toBeLessThan(0.9 * mean(reports.slice(0, 10), "varied"));
  expect(mean(reports.slice(-20), "plain")).toBeLessThan(0.5 * mean(reports.slice(-30), "varied"));
  expect(memory().tensors).toBe(tensors);
  expect(model.vision?.tower.weights.positions.requiresGrad).toBe(false);
});

test("a model folder with another tower; language model and projector are the same", async () => {
  await trainTowerOf(named, at("varied"), { goal: "see varied artwork", ...options, updates: 2 });
  const changed = changedTensors(named, at("varied"));
  expect(changed.length).toBeGreaterThan(10);
  expect(changed.filter((name) => !name.includes("vision_tower"))).toEqual([]);
});

test("a model without a tower is refused by name", async () => {
  using model = await loadModelFolder(named);
  const blind = { ...model, folder: "models/blind", vision: undefined } as typeof model;
  await expect(varyTower(blind, model, { ...options, updates: 1 })).rejects.toThrow("models/blind has no vision tower");
});
