import { describe, expect, test } from "vitest";
import type { TrainingSample } from "../../data/samples/sample.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { endToEnd, expandBatch, PADDING, paddedToLongest, visualsWithin } from "./expand-batch.js";

const I = -200;
const PAD = 9;
const visual: Visual = {
  kind: "picture",
  pixels: new Uint8Array(3),
  tiles: 1,
  tileSize: 1,
  imageSize: { width: 1, height: 1 },
};

/** Labels 10 times the ids. `wrong` lists positions to be revised. */
function sample(ids: number[], wrong: number[] = []): TrainingSample {
  return {
    ids,
    labels: ids.map((id) => (id === I ? -100 : 10 * id)),
    revise: ids.map((_, i) => wrong.includes(i)),
    visuals: ids.filter((id) => id === I).map(() => visual),
    modality: "image",
    source: { file: "test", index: 0 },
  };
}

const options = { maxLength: 100, pad: PAD, align: endToEnd };

describe("expandBatch", () => {
  test("pictures take their rows, labels and wrong places move along, short samples end in trained padding", () => {
    const batch = expandBatch([sample([1, I, 2, 3], [3]), sample([4, I])], [3, 2], options);
    expect(batch.samples).toEqual([
      {
        ids: [1, I, I, I, 2, 3],
        labels: [10, -100, -100, -100, 20, 30],
        revise: [false, false, false, false, false, true],
        flawed: true,
      },
      {
        ids: [4, I, I, PAD, PAD],
        labels: [40, -100, -100, PAD, PAD],
        revise: [false, false, false, false, false],
        flawed: false,
      },
    ]);
    expect(batch.lengths).toEqual([6, 5]);
    expect(batch.placements).toEqual([
      { visual: 0, start: 1, count: 3 },
      { visual: 1, start: 7, count: 2 },
    ]);
  });

  test("cuts in tokens first, then in rows, pictures too", () => {
    const [text, rows] = [sample([I, 1, I, 2, 3], [4]), { ...options, maxLength: 4 }];
    expect(visualsWithin(text, 4)).toBe(2);
    const batch = expandBatch([text], [2, 5], rows);
    expect(batch.samples[0]).toMatchObject({ ids: [I, I, 1, I], revise: [false, false, false, false], flawed: true });
    expect(batch.placements).toEqual([
      { visual: 0, start: 0, count: 2 },
      { visual: 1, start: 3, count: 1 },
    ]);
    // A placeholder beyond the tokens needs no picture.
    expect(visualsWithin(text, 2)).toBe(1);
    expect(expandBatch([text], [2], { ...options, maxLength: 2 }).samples[0]?.ids).toEqual([I, I]);
    // One that is left without rows has a placement all the same.
    expect(expandBatch([sample([1, I, I])], [2, 2], { ...options, maxLength: 3 }).placements.at(-1)).toEqual({
      visual: 1,
      start: 3,
      count: 0,
    });
  });

  test("the original's alignment: zeros to the longest, wrong places counted from its end", () => {
    const two = [sample([I, 1, 2], [1]), sample([I, 3, 4], [2])];
    const batch = expandBatch(two, [4, 2], { ...options, align: paddedToLongest });
    expect(batch.samples.map(({ ids }) => ids)).toEqual([
      [I, I, I, I, 1, 2],
      [I, I, 3, 4, PADDING, PADDING],
    ]);
    expect(batch.samples[1]?.labels).toEqual([-100, -100, 30, 40, -100, -100]);
    const places = batch.samples.map(({ revise }) => revise.indexOf(true));
    expect(places).toEqual([4, 5]); // right for the first, a padding row for the second
    expect(batch.placements.map(({ start }) => start)).toEqual([0, 6]);
    expect(batch.lengths).toEqual([6, 6]);
    expect(expandBatch(two, [4, 2], options).samples.map(({ revise }) => revise.indexOf(true))).toEqual([4, 3]);
  });

  test("a sample with other placeholders than pictures is an error", () => {
    const broken = { ...sample([I, 1]), visuals: [] };
    expect(() => visualsWithin(broken, 10)).toThrow("1 <image> but 0 pictures");
  });
});
