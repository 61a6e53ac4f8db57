import { memory, type Tensor, tensor } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import type { LladaConfig } from "../../checkpoint/config.js";
import { UserError } from "../../errors.js";
import type { Llada } from "../llada/llada.js";
import { assembleBatch, boolTensor } from "./batch.js";
import { idTensor, splice } from "./splice.js";

const I = -200;
/** Token t has the row [t, t + 0.5]. */
const model: Llada = {
  config: { vocabSize: 10, hiddenSize: 2 } as LladaConfig,
  weights: {
    embedTokens: tensor(Array.from({ length: 10 }, (_, t) => [t, t + 0.5])),
    blocks: [],
    norm: tensor([1, 1]),
    head: tensor([[1, 1]]),
  },
};
const text = (...ids: number[]) => ids.map((t) => [t, t + 0.5]);
/** Rows [100 k + i, -1] */
const picture = (k: number, rows: number) => tensor(Array.from({ length: rows }, (_, i) => [100 * k + i, -1]));
const pictureRows = (k: number, rows: number) => Array.from({ length: rows }, (_, i) => [100 * k + i, -1]);
const lines = (t: Tensor): number[][] => t.unbind(0).map((row) => row.toNumbers());
const zero = (n: number) => Array.from({ length: n }, () => [0, 0]);

const complaint = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    return error instanceof UserError ? error.line : `not a UserError: ${String(error)}`;
  }
  return "no complaint";
};

describe("splice", () => {
  test.each<[string, number[], [number, number][], number[][]]>([
    ["without pictures", [1, 2], [], text(1, 2)],
    ["in the middle", [1, I, 2, 3], [[1, 2]], [...text(1), ...pictureRows(1, 2), ...text(2, 3)]],
    [
      "at both ends, and side by side",
      [I, I, 4, I],
      [
        [1, 1],
        [2, 3],
        [3, 2],
      ],
      [...pictureRows(1, 1), ...pictureRows(2, 3), ...text(4), ...pictureRows(3, 2)],
    ],
    ["alone", [I], [[7, 2]], pictureRows(7, 2)],
  ])("%s", (_, ids, pictures, wanted) => {
    const spliced = splice(
      model,
      ids,
      pictures.map(([k, n]) => picture(k, n)),
    );
    expect(lines(spliced.embeds)).toEqual(wanted);
    expect(spliced.labels).toBeUndefined();
  });

  test("labels go along, -100 on pictures; maxLength cuts both", () => {
    const labels = [5, 6, 7, 8];
    const whole = splice(model, [1, I, 2, 3], [picture(1, 2)], { labels });
    expect(whole.labels).toEqual([5, -100, -100, 7, 8]);
    const cut = splice(model, [1, I, 2, 3], [picture(1, 2)], { labels, maxLength: 2 });
    expect(lines(cut.embeds)).toEqual([...text(1), ...pictureRows(1, 1)]);
    expect(cut.labels).toEqual([5, -100]);
    expect(() => splice(model, [1, 2], [], { labels: [5] })).toThrow("2 ids but 1 labels");
  });

  test.each<[string, () => unknown]>([
    [
      "the prompt has 2 <image> but 1 pictures were given. Add the missing pictures, or remove a marker.",
      () => splice(model, [I, 1, I], [picture(1, 1)]),
    ],
    [
      "the prompt has 0 <image> but 1 pictures were given. Add the missing pictures, or remove a marker.",
      () => splice(model, [1], [picture(1, 1)]),
    ],
    [
      "token id 10 is outside the model's vocabulary of 10. Tokenizer and weights belong to different models.",
      () => splice(model, [1, 10], []),
    ],
    [
      "token id -1 is outside the model's vocabulary of 10. Tokenizer and weights belong to different models.",
      () => splice(model, [-1], []),
    ],
    [
      "token id NaN is outside the model's vocabulary of 10. Tokenizer and weights belong to different models.",
      () => splice(model, [Number.NaN], []),
    ],
    ["the prompt is empty", () => splice(model, [], [])],
  ])("%s", (message, body) => {
    expect(complaint(body)).toBe(message);
  });

  test("gives back a handle of its own, and nothing else stays", () => {
    const given = picture(1, 2);
    const before = memory().tensors;
    for (const ids of [[I], [1, I, 2]]) {
      const { embeds } = splice(model, ids, [given]);
      expect(embeds).not.toBe(given);
      expect(memory().tensors).toBe(before + 1);
      embeds.dispose();
    }
    expect(lines(given)).toEqual(pictureRows(1, 2));
  });
});

describe("assembleBatch", () => {
  const rows = [
    { ids: [1, I, 2], labels: [1, 1, 2] },
    { ids: [3, 4], labels: [3, -100] }, // consumes the dummy
    { ids: [I, I, 5], labels: [0, 0, 5] },
  ];
  const pictures = () => [picture(1, 3), picture(2, 1), picture(3, 1), picture(4, 2)];

  test("pads with rows of zeros on the right", () => {
    const batch = assembleBatch(model, rows, pictures());
    expect(batch.embeds.shape).toEqual([3, 5, 2]);
    expect(batch.embeds.unbind(0).map(lines)).toEqual([
      [...text(1), ...pictureRows(1, 3), ...text(2)],
      [...text(3, 4), ...zero(3)],
      [...pictureRows(3, 1), ...pictureRows(4, 2), ...text(5), ...zero(1)],
    ]);
    expect(batch.labels).toEqual([
      [1, -100, -100, -100, 2],
      [3, -100, -100, -100, -100],
      [-100, -100, -100, 5, -100],
    ]);
    expect(batch.visible).toEqual([
      [true, true, true, true, true],
      [true, true, false, false, false],
      [true, true, true, true, false],
    ]);
    expect(boolTensor(batch.visible).toNumbers()).toEqual(batch.visible.flat().map(Number));
  });

  test("or on the left, after cutting", () => {
    const batch = assembleBatch(model, rows, pictures(), { paddingSide: "left", maxLength: 3 });
    expect(batch.embeds.unbind(0).map(lines)).toEqual([
      [...text(1), ...pictureRows(1, 2)],
      [...zero(1), ...text(3, 4)],
      [...pictureRows(3, 1), ...pictureRows(4, 2)],
    ]);
    expect(batch.labels).toEqual([
      [1, -100, -100],
      [-100, 3, -100],
      [-100, -100, -100],
    ]);
    expect(batch.visible[1]).toEqual([false, true, true]);
  });

  test("padding in the ids is taken out first, pictures in it too", () => {
    const batch = assembleBatch(
      model,
      [{ ids: [1, I, 9, I], labels: [1, 0, 9, 0], keep: [true, true, false, false] }],
      [picture(1, 1)],
    );
    expect(batch.embeds.unbind(0).map(lines)).toEqual([[...text(1), ...pictureRows(1, 1)]]);
    expect(batch.labels).toEqual([[1, -100]]);
  });

  test("without labels nothing is learnt", () => {
    expect(assembleBatch(model, [{ ids: [1, 2] }], [picture(1, 1)]).labels).toEqual([[-100, -100]]);
  });

  test("wrong counts are errors; in compat, what the reference makes of them", () => {
    const two = [{ ids: [I, I] }, { ids: [I] }];
    expect(complaint(() => assembleBatch(model, two, [picture(1, 1), picture(2, 1)]))).toMatch(
      /needs 3 pictures .* but 2 were given/,
    );
    expect(
      complaint(() =>
        assembleBatch(
          model,
          two,
          [1, 2, 3, 4].map((k) => picture(k, 1)),
        ),
      ),
    ).toMatch(/needs 3 pictures .* but 4 were given/);
    const rowsOf = (given: Tensor[]) => assembleBatch(model, two, given, { compat: true }).embeds.unbind(0).map(lines);
    // The last picture again at the list's end.
    expect(rowsOf([picture(1, 1)])).toEqual([
      [...pictureRows(1, 1), ...pictureRows(1, 1)],
      [...pictureRows(1, 1), ...zero(1)],
    ]);
    // Too many are left over.
    expect(rowsOf([1, 2, 3, 4].map((k) => picture(k, 1)))).toEqual([
      [...pictureRows(1, 1), ...pictureRows(2, 1)],
      [...pictureRows(3, 1), ...zero(1)],
    ]);
  });

  test("nothing stays but the batch", () => {
    const given = pictures();
    const before = memory().tensors;
    const { embeds } = assembleBatch(model, rows, given);
    expect(memory().tensors).toBe(before + 1);
    embeds.dispose();
  });
});

test("idTensor makes int64 of any list", () => {
  const ids = idTensor(Int32Array.of(3, 126_463), "cpu");
  expect([ids.dtype, ids.shape, ids.toNumbers()]).toEqual(["int64", [2], [3, 126_463]]);
});
