import fc from "fast-check";
import { expect, test } from "vitest";
import { addressOf, hashOf } from "./address.js";
import { tabs } from "./app-state.js";

test("an address is read as it was written", () => {
  const parts = fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...tabs), parts, (tab, rest) => {
      expect(addressOf(hashOf({ tab, rest }))).toEqual({ tab, rest });
    }),
  );
});

test("what is no tab is no address, and half an escape is nothing", () => {
  expect(addressOf("#main")).toBeUndefined();
  expect(addressOf("")).toBeUndefined();
  expect(addressOf("#runs/%E0%A4%A/a")).toEqual({ tab: "runs", rest: ["a"] });
});
