/** Special tokens of an answer: in the ids, not in the text, unless the original's way is asked for. */
import { expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { fixturePath } from "../vision/fixtures/pillow.js";

test("are left out of the text; compat keeps them, as the original's demo does", async ({ model }) => {
  const { tokenizer } = model.model;
  const draft = "A cat<|start_header_id|> sits<|end_header_id|>.";
  const ids = tokenizer.encode(draft);
  expect(ids).toContain(tokenizer.special.startHeader);
  const ours = await model.describe(fixturePath("color.jpg"), { genLength: ids.length, draft });
  expect(ours).toMatchObject({ text: "A cat sits.", tokenIds: ids });
  const original = await model.describe(fixturePath("color.jpg"), { genLength: ids.length, draft, compat: true });
  expect(original).toMatchObject({ text: draft, tokenIds: ids });
});
