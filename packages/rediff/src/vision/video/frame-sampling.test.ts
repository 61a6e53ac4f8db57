import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../../errors.js";
import { readPillowFacts } from "../fixtures/pillow.js";
import { linspaceIndices, sampleFolder, sampleFrames } from "./frame-sampling.js";

describe("linspaceIndices", () => {
  it.each(readPillowFacts().linspace)("equals numpy for %i frames, %i of them", (total, count, expected) => {
    expect(linspaceIndices(total, count)).toEqual(expected);
  });

  it("ascends from the first to the last frame", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 2, max: 600 }), (total, count) => {
        const indices = linspaceIndices(total, count);
        expect(indices).toHaveLength(count);
        expect([indices[0], indices.at(-1)]).toEqual([0, total - 1]);
        expect(indices).toEqual([...indices].sort((a, b) => a - b));
      }),
    );
  });
});

describe("sampleFrames", () => {
  it("steps by the rounded quotient of the rates, halves to even", () => {
    expect(sampleFrames(100, 25, { kind: "fps" })).toEqual([0, 25, 50, 75]);
    expect(sampleFrames(10, 2.5, { kind: "fps" })).toEqual([0, 2, 4, 6, 8]);
    expect(sampleFrames(10, 3.5, { kind: "fps" })).toEqual([0, 4, 8]);
    expect(sampleFrames(60, 30000 / 1001, { kind: "fps", videoFps: 2 })).toEqual([0, 15, 30, 45]);
  });

  it("takes every frame of a slow video, where the reference would step by 0", () => {
    expect(sampleFrames(4, 0.25, { kind: "fps" })).toEqual([0, 1, 2, 3]);
  });

  it("is bounded by frames_upbound, or forced to it", () => {
    expect(sampleFrames(1000, 25, { kind: "fps", framesUpbound: 4 })).toEqual([0, 333, 666, 999]);
    expect(sampleFrames(100, 25, { kind: "fps", framesUpbound: 4 })).toEqual([0, 25, 50, 75]);
    expect(sampleFrames(100, 25, { kind: "fps", framesUpbound: 4, forceSample: true })).toEqual([0, 33, 66, 99]);
    expect(sampleFrames(100, 25, { kind: "fps", forceSample: true })).toEqual([0, 25, 50, 75]);
  });

  it("repeats frames of a video that has too few", () => {
    expect(sampleFrames(2, 25, { kind: "uniform", frames: 4 })).toEqual([0, 0, 0, 1]);
  });

  it("refuses nonsense", () => {
    expect(() => sampleFrames(10, 25, { kind: "uniform", frames: 0 })).toThrow(UserError);
    expect(() => sampleFrames(10, 25, { kind: "uniform", frames: 1.5 })).toThrow(UserError);
    expect(() => sampleFrames(10, 25, { kind: "fps", videoFps: 0 })).toThrow(UserError);
    expect(() => sampleFrames(10, Number.NaN, { kind: "fps" })).toThrow(/does not tell its frame rate/);
  });
});

describe("sampleFolder", () => {
  it("takes ten frames unless a bound is forced", () => {
    expect(sampleFolder(100, { kind: "fps", framesUpbound: 4 })).toHaveLength(10);
    expect(sampleFolder(100, { kind: "fps", framesUpbound: 4, forceSample: true })).toEqual([0, 33, 66, 99]);
    expect(sampleFolder(5, { kind: "uniform", frames: 2 })).toEqual([0, 4]);
  });
});
