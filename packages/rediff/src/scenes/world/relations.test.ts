import { expect, it } from "vitest";
import { allPositions, opposite, relationOf } from "./facts.js";

it("one position is seen from another of its row or column only, and the other way round from there", () => {
  expect(relationOf("top left", "top right")).toBe("left of");
  expect(relationOf("top right", "top center")).toBe("right of");
  expect(relationOf("top left", "bottom left")).toBe("above");
  expect(relationOf("bottom center", "middle center")).toBe("below");
  expect(relationOf("top left", "middle center")).toBeUndefined();
  for (const one of allPositions) {
    expect(relationOf(one, one)).toBeUndefined();
    expect(allPositions.filter((other) => relationOf(one, other) !== undefined)).toHaveLength(4);
    for (const other of allPositions) {
      const relation = relationOf(one, other);
      if (relation !== undefined) expect(relationOf(other, one)).toBe(opposite(relation));
    }
  }
});
