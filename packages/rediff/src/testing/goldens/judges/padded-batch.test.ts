/** Batches as the reference pads them. */

import { memory, type Tensor } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { countable, I, lines, picture, pictureRows, text } from "../../countable-rows.js";
import { assembleBatch } from "./padded-batch.js";

const model = countable();
const zero = (n: number) => Array.from({ length: n }, () => [0, 0]);

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

  test("wrong counts are taken as the reference takes them", () => {
    const two = [{ ids: [I, I] }, { ids: [I] }];
    const rowsOf = (given: Tensor[]) => assembleBatch(model, two, given).embeds.unbind(0).map(lines);
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
