import fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue } from "./fair-queue.js";

test("clients have their turns, whatever the number of their requests", () => {
  const queue = new FairQueue<string>(10);
  for (const item of ["a1", "a2", "a3", "b1", "c1", "c2"]) queue.push(item.charAt(0), item);
  expect(Array.from({ length: 7 }, () => queue.shift())).toEqual(["a1", "b1", "c1", "a2", "c2", "a3", undefined]);
});

test("when it is full, who has most gives up a place, and nobody for an equal", () => {
  const queue = new FairQueue<string>(3);
  for (const item of ["a1", "a2", "a3"]) expect(queue.push("a", item)).toEqual({ accepted: true });
  expect(queue.push("a", "a4")).toEqual({ accepted: false });
  expect(queue.push("b", "b1")).toEqual({ accepted: true, displaced: "a3" });
  expect(queue.push("b", "b2")).toEqual({ accepted: false });
  expect(queue.push("c", "c1")).toEqual({ accepted: true, displaced: "a2" });
  expect(queue.push("d", "d1")).toEqual({ accepted: false });
  expect(new FairQueue<string>(0).push("a", "a1")).toEqual({ accepted: false });
});

test("what is put back comes first; what left is not served", () => {
  const queue = new FairQueue<string>(4);
  for (const item of ["a1", "b1", "b2"]) queue.push(item.charAt(0), item);
  const first = queue.shift() as string;
  queue.unshift("a", first);
  expect(queue.remove("b", "b1")).toBe(true);
  expect(queue.remove("b", "b1")).toBe(false);
  expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(["a1", "b2", undefined]);
});

test("nothing is lost and nothing is served twice", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("push"), client: fc.constantFrom("a", "b", "c") }),
    fc.record({ kind: fc.constant("shift"), client: fc.constant("") }),
  );
  fc.assert(
    fc.property(fc.nat(6), fc.array(action, { maxLength: 60 }), (limit, actions) => {
      const queue = new FairQueue<number>(limit);
      const inside = new Set<number>();
      for (const [i, { kind, client }] of actions.entries()) {
        if (kind === "push") {
          const { accepted, displaced } = queue.push(client, i);
          if (accepted) inside.add(i);
          if (displaced !== undefined) expect(inside.delete(displaced)).toBe(true);
        } else {
          const item = queue.shift();
          if (item === undefined) expect(inside.size).toBe(0);
          else expect(inside.delete(item)).toBe(true);
        }
        expect(queue.length).toBe(inside.size);
        expect(queue.length).toBeLessThanOrEqual(limit);
      }
      expect(new Set(queue.drain())).toEqual(inside);
    }),
  );
});
