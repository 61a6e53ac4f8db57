import { describe, expect, test } from "vitest";
import { LifeSigns } from "./life-signs.js";

const limits = { heartbeatTimeout: 3, stepTimeout: 5 };

/** The seconds after which it is said to hang; each with what happened in it. */
function judge(seconds: { beat?: boolean; word?: boolean; busy?: boolean }[]): [number, string] | undefined {
  const signs = new LifeSigns(limits);
  for (const [i, { beat = true, word = false, busy = false }] of seconds.entries()) {
    if (beat) signs.beat();
    if (word) signs.word();
    const why = signs.tick(busy);
    if (why !== undefined) return [i + 1, why];
  }
  return undefined;
}
const many = <T>(count: number, value: T): T[] => Array(count).fill(value);

describe("the model's process", () => {
  test("may be idle for ever", () => {
    expect(judge(many(1000, {}))).toBeUndefined();
  });

  test("may take long steps, as long as each ends in time", () => {
    const step = [...many(4, { busy: true }), { busy: true, word: true }];
    expect(judge(many(50, step).flat())).toBeUndefined();
  });

  test("hangs when it has stopped beating, busy or not", () => {
    expect(judge([{}, ...many(9, { beat: false })])).toEqual([4, "has given no sign of life for 3 s"]);
    expect(judge([{}, ...many(9, { beat: false, busy: true, word: true })])?.[1]).toMatch("no sign of life");
  });

  test("hangs when it beats and no step ends", () => {
    expect(judge([...many(20, {}), ...many(9, { busy: true })])).toEqual([26, "has worked on one step for 5 s"]);
  });

  test("has a minute until its first beat, and so has the next one", () => {
    const signs = new LifeSigns(limits);
    for (let process = 0; process < 2; process++) {
      signs.reset();
      for (let i = 0; i < 60; i++) expect(signs.tick(false)).toBeUndefined();
      signs.beat();
      for (let i = 0; i < 3; i++) expect(signs.tick(false)).toBeUndefined();
      expect(signs.tick(false)).toBe("has given no sign of life for 3 s");
    }
    signs.reset();
    for (let i = 0; i < 60; i++) expect(signs.tick(false)).toBeUndefined();
    expect(signs.tick(false)).toBe("has given no sign of life for 60 s");
  });
});
