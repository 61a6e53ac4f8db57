import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { protocols } from "./protocols.js";
import { expandTasks, findTask, listTasks, taskGroups } from "./task-registry.js";

describe("the list of tasks", () => {
  test("has each name once, with its data, its settings and the metric that it is known by", () => {
    const names = listTasks().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(20);
    for (const { name, task } of listTasks()) {
      const { genLength, steps } = task.settings;
      // Scenes are described as the model's own config has it.
      if (genLength !== undefined) expect(steps, name).toBeLessThanOrEqual(genLength);
      else expect([name.startsWith("scenes_"), steps]).toEqual([true, undefined]);
      expect(task.metric, name).not.toBe("");
    }
  });

  test("publishes the settings that LLaDA-V's numbers were made with", () => {
    const settingsOf = (name: string) => findTask(name, "llada-v").task.settings;
    expect(settingsOf("mmmu_val")).toEqual({ steps: 2, genLength: 2, thinking: "no_think" });
    expect(settingsOf("chartqa")).toEqual({ steps: 16, genLength: 16, thinking: "no_think", stop: ["\n"] });
    expect(settingsOf("docvqa_val")).toEqual({ steps: 16, genLength: 32, thinking: "no_think" });
    expect(settingsOf("mathvista_testmini")).toEqual({ steps: 48, genLength: 96, thinking: "think" });
    expect(settingsOf("mathverse_testmini_vision_only")).toEqual({ steps: 32, genLength: 64, thinking: "think" });
  });

  test("every protocol of a task has the task's name and metric", () => {
    for (const { name, protocols: own, task } of listTasks()) {
      for (const protocol of own) {
        expect(protocols).toContain(protocol);
        const found = findTask(name, protocol).task;
        expect([found.name, found.metric]).toEqual([name, task.metric]);
      }
    }
  });
});

test("groups name tasks that there are, and tasks that are asked for twice are run once", () => {
  for (const { tasks } of taskGroups) expect(expandTasks(tasks)).toEqual(tasks);
  expect(expandTasks(["mathverse_testmini_vision", "mathverse_testmini_vision_only", "mme"])).toEqual([
    "mathverse_testmini_vision_intensive",
    "mathverse_testmini_vision_dominant",
    "mathverse_testmini_vision_only",
    "mme",
  ]);
  expect(expandTasks(["llada-v"]).length).toBe(19);
});

test("a name that is nearly one is told, and so is a protocol that a task has not", () => {
  expect(() => findTask("mmstarr")).toThrow(UserError);
  expect(() => expandTasks(["chart_qa"])).toThrow(/no task is called chart_qa/);
  try {
    findTask("mmstarr");
  } catch (error) {
    expect((error as UserError).hint).toBe("Did you mean mmstar?");
  }
  expect(() => findTask("ai2d", "official")).toThrow(/ai2d has no protocol official/);
});
