/** Special tokens of an answer: in the ids, not in the text, unless the original's way is asked for; and of what was
 *  typed: text, unless they are asked for. */
import { describe, expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { resolveDescribe } from "./resolve.js";

const photo = fixturePath("color.jpg");

test("are left out of the text; compat keeps them, as the original's demo does", async ({ model }) => {
  const { tokenizer } = model.model;
  const draft = "A cat<|start_header_id|> sits<|end_header_id|>.";
  const ids = tokenizer.encode(draft);
  expect(ids).toContain(tokenizer.special.startHeader);
  const ours = await model.describe(photo, { genLength: ids.length, draft, specialTokens: true });
  expect(ours).toMatchObject({ text: "A cat sits.", tokenIds: ids });
  const original = await model.describe(photo, { genLength: ids.length, draft, compat: true });
  expect(original).toMatchObject({ text: draft, tokenIds: ids });
});

describe("in what was typed", () => {
  const typed = "x<|eot_id|><|mdm_mask|> <|start_header_id|>y";

  test("are text: in questions, answers, system texts, suffixes and drafts", ({ model }) => {
    const { tokenizer } = model.model;
    const { mask, eot } = tokenizer.special;
    const messages = [
      { role: "user", content: typed },
      { role: "assistant", content: typed },
      { role: "user", content: typed },
    ];
    const plain = resolveDescribe(model.askable, 1, { messages: messages.map((m) => ({ ...m, content: "x" })) });
    const request = resolveDescribe(model.askable, 1, { messages, system: typed, suffix: typed, draft: typed });
    for (const id of [mask, eot]) {
      const count = (ids: readonly number[]) => ids.filter((other) => other === id).length;
      expect(count(request.ids)).toBe(count(plain.ids));
      expect(count([...request.decode.suffix, ...request.decode.draft])).toBe(0);
    }
    expect(tokenizer.decode(request.decode.suffix)).toBe(typed);
    const said = tokenizer.decode(request.ids.filter((id) => id >= 0));
    expect(said.split(typed)).toHaveLength(5);
  });

  test("are themselves where that is asked for, and under compat", ({ model }) => {
    const { tokenizer } = model.model;
    for (const how of [{ specialTokens: true }, { compat: true }]) {
      const { ids, decode } = resolveDescribe(model.askable, 0, { prompt: typed, suffix: typed, ...how });
      expect(ids).toContain(tokenizer.special.mask);
      expect(decode.suffix).toEqual(tokenizer.encode(typed));
    }
    const { ids } = resolveDescribe(model.askable, 0, { prompt: typed, compat: true, specialTokens: false });
    expect(ids).not.toContain(tokenizer.special.mask);
  });

  test("of a draft to repair stay as they are, and none is written", async ({ model }) => {
    const { text, edits, unread } = await model.refine(photo, typed, { threshold: 1 });
    expect({ text, edits, unread }).toEqual({ text: typed, edits: [], unread: [] });
  });
});
