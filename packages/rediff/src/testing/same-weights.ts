/** Two model folders with the same weights, to the bit. */
import { openCheckpoint } from "@rediff/torch";
import { expect } from "vitest";

export function expectSameWeights(folder: string, other: string): void {
  using a = openCheckpoint(folder);
  using b = openCheckpoint(other);
  for (const name of a.names()) {
    using left = a.get(name);
    using right = b.get(name);
    expect(right.equal(left), name).toBe(true);
  }
}
