import { expect, it } from "vitest";
import { allPositions, opposite, relationsOf } from "./facts.js";

it("one position is seen from another by columns and by rows, and the other way round from there", () => {
  expect(relationsOf("top left", "top right")).toEqual(["left of"]);
  expect(relationsOf("top right", "top center")).toEqual(["right of"]);
  expect(relationsOf("top left", "bottom left")).toEqual(["above"]);
  expect(relationsOf("bottom center", "middle center")).toEqual(["below"]);
  expect(relationsOf("top right", "middle center")).toEqual(["right of", "above"]);
  for (const one of allPositions) {
    expect(relationsOf(one, one)).toEqual([]);
    for (const other of allPositions) {
      if (other !== one) expect(relationsOf(one, other).length).toBeGreaterThan(0);
      expect(relationsOf(other, one)).toEqual(relationsOf(one, other).map(opposite));
    }
  }
});
