import { expect, test } from "vitest";
import type { Model } from "../server/messages.js";
import { baselinesOf, sidesOf } from "./describe-state.js";

const model = (id: string, revises: boolean): Model => ({
  id,
  rediff: {
    title: id,
    revises,
    image_size: 96,
    largest_view: 96,
    max_length: 512,
    embedded: false,
    default_gen_length: 48,
    default_seed: 42,
    converses: true,
    scene_world: false,
    image_join: "legacy",
  },
});
const [rediff, llada] = [model("rediff", true), model("llada", false)];

test("a server's only model is compared with itself, and the left side says that it is the same model", () => {
  const sides = sidesOf([rediff], rediff, undefined);
  expect(sides?.plain).toMatchObject({ model: "rediff", title: "rediff, not revising" });
  expect(sides?.revising).toMatchObject({ model: "rediff", title: "rediff, revising" });
});

test("another model of the server is the usual one to compare with; the answering one can be chosen", () => {
  const models = [rediff, llada];
  expect(baselinesOf(models, rediff).map(({ id }) => id)).toEqual(["llada", "rediff"]);
  expect(sidesOf(models, rediff, undefined)?.plain).toMatchObject({ model: "llada", title: "llada" });
  expect(sidesOf(models, rediff, "rediff")?.plain.title).toBe("rediff, not revising");
  // Of a server that was started anew without it.
  expect(sidesOf(models, rediff, "gone")?.plain.model).toBe("llada");
  expect(sidesOf([], undefined, undefined)).toBeUndefined();
  // Whichever answers.
  expect(baselinesOf(models, llada).map(({ id }) => id)).toEqual(["rediff", "llada"]);
  expect(sidesOf(models, llada, undefined)).toMatchObject({ plain: { model: "rediff" }, revising: { model: "llada" } });
});
