/** Sequences of tokens and pictures. */

import { memory, type Tensor } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { countable, I, lines, picture, pictureRows, text } from "../../testing/countable-rows.js";
import { idTensor } from "../ids.js";
import { checkPrompt, embedSequence, expand } from "./assembly.js";

const model = countable();

/** The positions of a sequence with these pictures, cut to a length. */
function assemble(ids: number[], pictures: readonly Tensor[], maxLength?: number): Tensor {
  const { source, placements } = expand(
    ids,
    pictures.map((own) => own.size(0)),
    maxLength,
  );
  const expanded = source.map((i) => ids[i] as number);
  return embedSequence(model, expanded, placements, pictures);
}

describe("a sequence", () => {
  test.each<[string, number[], [number, number][], number[][]]>([
    ["without pictures", [1, 2], [], text(1, 2)],
    ["with a picture in the middle", [1, I, 2, 3], [[1, 2]], [...text(1), ...pictureRows(1, 2), ...text(2, 3)]],
    [
      "with pictures at both ends, and side by side",
      [I, I, 4, I],
      [
        [1, 1],
        [2, 3],
        [3, 2],
      ],
      [...pictureRows(1, 1), ...pictureRows(2, 3), ...text(4), ...pictureRows(3, 2)],
    ],
    ["of a picture alone", [I], [[7, 2]], pictureRows(7, 2)],
  ])("%s", (_, ids, pictures, wanted) => {
    const given = pictures.map(([k, n]) => picture(k, n));
    expect(lines(assemble(ids, given))).toEqual(wanted);
  });

  test("says for each position which id it comes from, and where pictures lie", () => {
    expect(expand([1, I, 2, I], [2, 1])).toEqual({
      source: [0, 1, 1, 2, 3],
      placements: [
        { visual: 0, start: 1, count: 2 },
        { visual: 1, start: 4, count: 1 },
      ],
    });
  });

  test("is cut to a length, within a picture too", () => {
    const cut = expand([1, I, 2, I], [2, 1], 2);
    expect(cut).toEqual({
      source: [0, 1],
      placements: [
        { visual: 0, start: 1, count: 1 },
        { visual: 1, start: 2, count: 0 },
      ],
    });
    expect(lines(assemble([1, I, 2, 3], [picture(1, 2)], 2))).toEqual([...text(1), ...pictureRows(1, 1)]);
  });

  test("has zeros where there is neither a token nor a picture", () => {
    expect(lines(embedSequence(model, [1, -1, 2], [], []))).toEqual([...text(1), [0, 0], ...text(2)]);
  });

  test("is a tensor of its own, and nothing else stays", () => {
    const given = picture(1, 2);
    const before = memory().tensors;
    for (const ids of [[I], [1, I, 2]]) {
      const sequence = assemble(ids, [given]);
      expect(sequence).not.toBe(given);
      expect(memory().tensors).toBe(before + 1);
      sequence.dispose();
    }
    expect(lines(given)).toEqual(pictureRows(1, 2));
  });
});

describe("a prompt is refused", () => {
  const complaint = (ids: number[], visuals: number): string => {
    try {
      checkPrompt(model.config, ids, visuals);
    } catch (error) {
      return error instanceof UserError ? error.line : `not a UserError: ${String(error)}`;
    }
    return "no complaint";
  };

  test.each<[string, number[], number]>([
    ["the prompt has 2 <image> but 1 pictures were given. Add the missing pictures, or remove a marker.", [I, 1, I], 1],
    ["the prompt has 0 <image> but 1 pictures were given. Add the missing pictures, or remove a marker.", [1], 1],
    [
      "token id 10 is outside the model's vocabulary of 10. Tokenizer and weights belong to different models.",
      [1, 10],
      0,
    ],
    ["token id -1 is outside the model's vocabulary of 10. Tokenizer and weights belong to different models.", [-1], 0],
    [
      "token id NaN is outside the model's vocabulary of 10. Tokenizer and weights belong to different models.",
      [Number.NaN],
      0,
    ],
    ["the prompt is empty", [], 0],
  ])("%s", (message, ids, visuals) => {
    expect(complaint(ids, visuals)).toBe(message);
  });
});

test("idTensor makes int64 of any list", () => {
  const ids = idTensor(Int32Array.of(3, 126_463), "cpu");
  expect([ids.dtype, ids.shape, ids.toNumbers()]).toEqual(["int64", [2], [3, 126_463]]);
});
