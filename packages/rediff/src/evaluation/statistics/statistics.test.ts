import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalBelow, normalQuantile, studentBeyond, studentQuantile } from "./distributions.js";
import { pairedBootstrap, pairedTest } from "./paired-tests.js";
import { powerOf } from "./power.js";
import { clusteredStandardError, sampleStandardError } from "./standard-errors.js";

describe("distributions", () => {
  test("have the values of tables", () => {
    expect(normalBelow(1.96)).toBeCloseTo(0.9750021048517795, 13);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
    expect(studentQuantile(0.975, 1)).toBeCloseTo(12.706204736432095, 8);
    expect(studentQuantile(0.975, 30)).toBeCloseTo(2.0422724563012373, 10);
    expect(studentBeyond(2, 10)).toBeCloseTo(0.07338803477074045, 12);
  });

  test("grow, and quantiles undo them", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.999, noNaN: true }), (share) => {
        expect(normalBelow(normalQuantile(share))).toBeCloseTo(share, 10);
      }),
    );
  });
});

test("clusters of one document each add nothing to the error, and documents that agree do", () => {
  const values = [1, 1, 0, 0, 1, 1, 0, 0];
  expect(clusteredStandardError(values, [...values.keys()])).toBeCloseTo(sampleStandardError(values));
  expect(clusteredStandardError(values, [0, 0, 1, 1, 2, 2, 3, 3])).toBeGreaterThan(sampleStandardError(values));
});

describe("two runs on the same documents", () => {
  const ours = Array.from({ length: 200 }, (_, i) => Number(i % 5 !== 0));
  const theirs = Array.from({ length: 200 }, (_, i) => Number(i % 3 !== 0));

  test("are told apart by both tests, which agree", () => {
    const [t, bootstrap] = [pairedTest(ours, theirs), pairedBootstrap(ours, theirs, { samples: 2000 })];
    expect(bootstrap.difference).toBeCloseTo(t.difference);
    expect(bootstrap.interval[0]).toBeCloseTo(t.interval[0], 1);
    expect(bootstrap.interval[1]).toBeCloseTo(t.interval[1], 1);
    expect(t.p).toBeLessThan(0.01);
    expect(bootstrap.p).toBeLessThan(0.01);
    expect(pairedBootstrap(ours, theirs, { samples: 2000 })).toEqual(bootstrap);
  });

  test("that are the same are the same", () => {
    expect(pairedTest(ours, ours)).toMatchObject({ difference: 0, t: 0, p: 1 });
    expect(pairedBootstrap(ours, ours, { samples: 100 })).toMatchObject({ difference: 0, p: 1 });
    expect(() => pairedTest(ours, [1])).toThrow(/pairs of documents/);
  });
});

test("as many documents as power asks for show the effect that often", () => {
  const question = { effect: 0.03 };
  const answer = powerOf(question);
  expect(answer.documents).toBe(2181);
  expect(answer.powerOf(answer.documents)).toBeCloseTo(0.8, 3);
  expect(answer.effectOf(answer.documents)).toBeCloseTo(0.03, 4);
});
