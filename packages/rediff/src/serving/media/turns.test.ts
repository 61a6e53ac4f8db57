import { expect, test } from "vitest";
import { Turns } from "./turns.js";

const idle = new AbortController().signal;
/** Lets what is settled be seen. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("so many in all and of one; who waits for a busy place holds up nobody else", async () => {
  const turns = new Turns({ inAll: 3, ofOne: 2 });
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  for (const place of ["a", "a", "a", "b", "c"])
    void turns.take(place, idle).then((end) => {
      begun.push(place);
      ends.push(end);
    });
  await settled();
  expect(begun).toEqual(["a", "a", "b"]);
  ends[2]?.();
  await settled();
  expect(begun).toEqual(["a", "a", "b", "c"]);
  ends[0]?.();
  await settled();
  expect(begun).toEqual(["a", "a", "b", "c", "a"]);
});

test("who leaves the line is told why, and leaves no place empty", async () => {
  const turns = new Turns({ inAll: 1, ofOne: 1 });
  const end = await turns.take("a", idle);
  const leaving = new AbortController();
  const left = turns.take("a", leaving.signal);
  const next = turns.take("a", idle);
  leaving.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  end();
  (await next)();
  await expect(turns.take("a", AbortSignal.abort(new Error("late")))).rejects.toThrow("late");
  (await turns.take("a", idle))();
});
