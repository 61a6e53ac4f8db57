import { memory } from "@rediff/torch";
import { expect, onTestFinished } from "vitest";

const live = () => {
  const { tensors, bytes } = memory();
  return { tensors, bytes };
};

/** From here on to its end, the test frees what it makes, and nothing else. For every test of a file:
 *  `beforeEach(expectNoLeaks)`. */
export function expectNoLeaks(): void {
  const before = live();
  onTestFinished(() => expect(live(), "tensors that the test left or freed").toEqual(before));
}
