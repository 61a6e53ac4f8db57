import type { Tensor } from "@rediff/torch";
import { expect, test } from "vitest";
import type { Parameter } from "../backward/parameters.js";
import { parameterGroups } from "./parameter-groups.js";

test("parameterGroups: by part and decay, empty ones left out", () => {
  const parameter = (name: string, part: Parameter["part"], decays: boolean): Parameter => ({
    name,
    part,
    decays,
    weight: undefined as unknown as Tensor,
    gradient: undefined,
  });
  const parameters = [
    parameter("tower.bias", "vision", false),
    parameter("embed", "language", true),
    parameter("tower.weight", "vision", true),
    parameter("head", "language", true),
    parameter("norm", "language", false),
  ];
  const learningRates = { language: 1, projector: 2, vision: 3 };
  const groups = parameterGroups(parameters, { learningRates, weightDecay: 0.1 });
  expect(groups.map((g) => [g.parameters.map(({ name }) => name), g.learningRate, g.weightDecay])).toEqual([
    [["embed", "head"], 1, 0.1],
    [["norm"], 1, 0],
    [["tower.weight"], 3, 0.1],
    [["tower.bias"], 3, 0],
  ]);
});
