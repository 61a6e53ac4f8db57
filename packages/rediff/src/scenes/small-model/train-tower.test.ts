import { memory, setThreads } from "@rediff/torch";
import { beforeAll, expect, test } from "vitest";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { folderOfFile } from "../../testing/folders.js";
import { changedTensors } from "../testing/changed-tensors.js";
import { makeWorld } from "../world/world.js";
import { writeStartModel } from "./start-model.js";
import { trainTowerOf } from "./tower-model.js";
import { type NamedPatches, trainTower } from "./train-tower.js";

const { at } = folderOfFile();
const start = at("start");
const options = { batch: 8, learningRate: 3e-3, seed: 1, world: makeWorld("small", { names: 2, textures: false }) };

type Report = NamedPatches & { loss: number };

beforeAll(async () => {
  setThreads(1);
  await writeStartModel(start, { width: 64, layers: 1, size: 48, patch: 16 });
});

test("learns what is on each patch and where the patch is, and leaks nothing", { timeout: 120_000 }, async () => {
  using model = await loadModelFolder(start);
  const before = memory().tensors;
  const reports: Report[] = [];
  await trainTower(model, { ...options, updates: 120, onUpdate: (report) => void reports.push(report) });
  const mean = (some: Report[], key: "loss" | "accuracy") =>
    some.reduce((sum, report) => sum + report[key], 0) / some.length;
  // Untrained: ln 3 for rows and for columns, and what the classes cost.
  expect(mean(reports.slice(0, 3), "loss")).toBeGreaterThan(3);
  expect(mean(reports.slice(-10), "loss")).toBeLessThan(1);
  expect(mean(reports.slice(-10), "accuracy")).toBeGreaterThan(0.75);
  expect(memory().tensors).toBe(before);
  expect(model.vision?.tower.weights.positions.requiresGrad).toBe(false);
});

test("a model folder with another tower and the same language model", async () => {
  await trainTowerOf(start, at("trained"), { goal: "name patches", ...options, updates: 2 });
  const changed = changedTensors(start, at("trained"));
  expect(changed.length).toBeGreaterThan(10);
  expect(changed.filter((name) => !name.includes("vision_tower"))).toEqual([]);
});
