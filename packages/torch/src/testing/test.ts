/** `test` for tests of tensors: each ends with the memory that it began with, and gets what it names of these. */
import { join } from "node:path";
import { test as base, expect } from "vitest";
import { memory } from "../index.js";
import { temporaryFolder } from "./folder.js";

export const test = base
  /** The memory in use when the test began. It must be the same after the test, also when nobody names this. */
  .extend("memoryAtStart", { auto: true }, ({ onTestFinished }) => {
    const before = memory();
    onTestFinished(() => expect(memory(), "memory after the test").toEqual(before));
    return before;
  })
  /** How many tensors more there are than when the test began. */
  .extend("left", ({ memoryAtStart }) => {
    return () => memory().tensors - memoryAtStart.tensors;
  })
  /** An empty folder that goes with the test. */
  .extend("folder", ({ onTestFinished }) => {
    const folder = temporaryFolder();
    onTestFinished(folder.remove);
    return folder.path;
  })
  /** Paths in `folder`. */
  .extend("at", ({ folder }) => {
    return (...names: string[]) => join(folder, ...names);
  });
