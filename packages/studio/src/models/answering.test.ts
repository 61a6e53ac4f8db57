import { expect, test } from "vitest";
import type { Model } from "../server/messages.js";
import { answering, kindText, linkedModel, missing, stateText } from "./answering.js";

const model = (id: string, rediff: Partial<Model["rediff"]> = {}): Model => ({
  id,
  rediff: {
    ...{ title: id, revises: false, image_size: 96, largest_view: 96, max_length: 512, embedded: false },
    ...{ default_gen_length: 48, default_seed: 42, converses: true, scene_world: false, image_join: "legacy" },
    ...rediff,
  },
});
const [first, second] = [model("first"), model("second")];
const models = [first, second];

test("the chosen model answers, else the first; one that is not served is named, and none before the server is known", () => {
  expect(answering({ models, wanted: undefined })).toBe(first);
  expect(answering({ models, wanted: "second" })).toBe(second);
  expect(missing({ models, wanted: "second" })).toBeUndefined();
  expect(answering({ models, wanted: "third" })).toBe(first);
  expect(missing({ models, wanted: "third" })).toBe("third");
  expect(missing({ models: [], wanted: "third" })).toBeUndefined();
  expect(missing({ models, wanted: undefined })).toBeUndefined();
});

test("a link names the model where others could be meant", () => {
  expect(linkedModel({ models, wanted: undefined })).toBe("first");
  expect(linkedModel({ models, wanted: "second" })).toBe("second");
  expect(linkedModel({ models: [first], wanted: undefined })).toBeUndefined();
});

test.each([
  [{}, "loaded"],
  [{ status: "ready" }, "loaded"],
  [{ status: "idle", problem: null }, "loaded when asked"],
  [{ status: "idle", problem: "a tensor is missing" }, "failed: a tensor is missing"],
  [{ status: "loading", loading_seconds: 12.3 }, "being loaded for 12 s"],
  [{ status: "loading" }, "being loaded"],
  [{ status: "restarting" }, "being started again"],
  [{ status: "draining" }, "shutting down"],
] as [Partial<Model["rediff"]>, string][])("%j is %s", (rediff, text) => {
  expect(stateText(model("a", rediff))).toBe(text);
});

test("what a model is: its id beside its title, its format, what it was trained for", () => {
  expect(kindText(model("a", { title: "A", dtype: "bfloat16", revises: true }))).toBe("a, bfloat16, trained to revise");
  expect(kindText(model("a", { dtype: "float32", quantize: "int4" }))).toBe("int4 weights, not trained to revise");
});
