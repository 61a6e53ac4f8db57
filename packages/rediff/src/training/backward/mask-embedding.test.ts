import { tensor } from "@rediff/torch";
import { expect, test } from "vitest";
import { isMaskEmbedding } from "./mask-embedding.js";

test("an embedding is the mask's when it is near it in every dimension", () => {
  const mask = tensor([[1, -100]], { dtype: "float64" });
  const rows = tensor(
    [
      [
        [1, -100],
        [1 + 0.9e-5, -100],
        [1 + 1.5e-5, -100], // 2e-5 is allowed there
        [1, -100.0005], // and 1.01e-3 here
        [1, -100.002],
        [1 + 1e-3, -100], // one dimension is enough to differ
      ],
    ],
    { dtype: "float64" },
  );
  expect(isMaskEmbedding(rows, mask).toNumbers()).toEqual([1, 1, 1, 1, 0, 0]);
});
