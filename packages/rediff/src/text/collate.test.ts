import { expect, test } from "vitest";
import { collate } from "./collate.js";

const long = { ids: [1, 2, 3, 4, 5], labels: [-100, 2, 3, 4, 5], revise: [false, true, true, false, false] };
const short = { ids: [6, 7], labels: [-100, 7] };

test("pads ids and labels with the pad token, and revises no padding", () => {
  expect(collate([long, short], { pad: 0, maxLength: 10 })).toEqual({
    ids: [long.ids, [6, 7, 0, 0, 0]],
    labels: [long.labels, [-100, 7, 0, 0, 0]],
    revise: [long.revise, Array(5).fill(false)],
  });
});

test("cuts rows to the maximum first", () => {
  expect(collate([long, short], { pad: 0, maxLength: 3 })).toEqual({
    ids: [
      [1, 2, 3],
      [6, 7, 0],
    ],
    labels: [
      [-100, 2, 3],
      [-100, 7, 0],
    ],
    revise: [
      [false, true, true],
      [false, false, false],
    ],
  });
});
