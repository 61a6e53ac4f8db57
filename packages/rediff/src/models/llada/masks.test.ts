import { tensor } from "@rediff/torch";
import { expect, test } from "vitest";
import { isMaskEmbedding } from "../../training/backward/mask-embedding.js";
import { conversationVisibility } from "./visibility.js";

test("a row sees its own turn and earlier ones, later rows of the same turn included", () => {
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
  const padded = conversationVisibility(turns, tensor([[true, false, true, true, true]]));
  expect(padded.toNumbers()).toEqual(wanted.map((value, i) => (i % 5 === 1 ? 0 : value)));
});

test("rows with the mask's embedding: in every dimension, by the rule of training or of generation", () => {
  const mask = tensor([[1, -100]], { dtype: "float64" });
  const rows = tensor(
    [
      [
        [1, -100],
        [1 + 0.9e-5, -100], // within both
        [1 + 1.5e-5, -100], // training allows 2e-5 there
        [1, -100.0005], // and 1.01e-3 here
        [1, -100.002],
        [1 + 1e-3, -100], // one dimension is enough to differ
      ],
    ],
    { dtype: "float64" },
  );
  expect(isMaskEmbedding(rows, mask, "training").toNumbers()).toEqual([1, 1, 1, 1, 0, 0]);
  expect(isMaskEmbedding(rows, mask, "generation").toNumbers()).toEqual([1, 1, 0, 0, 0, 0]);
});
