import { tensor } from "@rediff/torch";
import { expect, test } from "vitest";
import { conversationVisibility } from "./visibility.js";

test("a position sees its own turn and earlier ones, later positions of the same turn included", () => {
  const turns = tensor([[0, 0, 1, 1, 2]], { dtype: "int64" });
  const seen = conversationVisibility(turns);
  expect(seen.shape).toEqual([1, 1, 5, 5]);
  // biome-ignore format: one line for each query
  const wanted = [
    1, 1, 0, 0, 0,
    1, 1, 0, 0, 0,
    1, 1, 1, 1, 0,
    1, 1, 1, 1, 0,
    1, 1, 1, 1, 1,
  ];
  expect(seen.toNumbers()).toEqual(wanted);
});
