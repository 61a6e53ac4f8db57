import { describe, expect, test } from "vitest";
import { z } from "zod";
import { asFlag, OptionError } from "../errors.js";
import { abortSignal, flag, list, listener, number, optionSet, text, texts } from "./option-set.js";

interface Options {
  genLength?: number;
  tokensPerStep?: number;
  dtype?: "float32" | "bfloat16";
  stop?: readonly string[];
  cache?: { interval: number };
  revise?: boolean;
  prompt?: string;
  signal?: AbortSignal;
  onStep?: (step: number) => void;
  bans?: readonly { id: number }[];
}

const check = optionSet<Options>({
  genLength: number,
  tokensPerStep: number,
  dtype: z.enum(["float32", "bfloat16"]),
  stop: texts,
  cache: z.strictObject({ interval: number }),
  revise: flag,
  prompt: text,
  signal: abortSignal,
  onStep: listener,
  bans: list,
});

test("what is right passes, undefined included, and nothing of it is copied", () => {
  const { signal } = new AbortController();
  check({});
  check({
    genLength: undefined,
    stop: ["a"],
    cache: { interval: 2 },
    signal,
    onStep: () => undefined,
    bans: [{ id: 1 }],
  });
});

describe("what is wrong is named", () => {
  test.each<[unknown, string, RegExp]>([
    [{ tokens_per_step: 4 }, "tokens_per_step", /^there is no option tokens_per_step; did you mean tokensPerStep\?$/],
    [{ "gen-length": 4 }, "gen-length", /did you mean genLength\?/],
    [{ GenLenght: 4 }, "GenLenght", /did you mean genLength\?/],
    [{ wholly: 4 }, "wholly", /^there is no option wholly\. There are genLength, tokensPerStep, dtype,/],
    [{ dtype: "fp16" }, "dtype", /^dtype: expected float32, bfloat16, got "fp16"$/],
    [{ dtype: "bfloat61" }, "dtype", /did you mean bfloat16\?/],
    [{ genLength: "4" }, "genLength", /^genLength: expected a number, got "4"$/],
    [{ genLength: null }, "genLength", /^genLength: expected a number, got null$/],
    [{ genLength: Number.NaN }, "genLength", /^genLength: expected a number, got NaN$/],
    [{ stop: "a" }, "stop", /^stop: expected a list, got "a"$/],
    [{ stop: ["a", 1] }, "stop", /^stop\[1\]: expected a text, got 1$/],
    [{ cache: { interval: "2" } }, "cache", /^cache\.interval: expected a number, got "2"$/],
    [{ cache: { interval: 2, other: 1 } }, "cache", /^cache: there is no other in it$/],
    [{ revise: "yes" }, "revise", /^revise: expected true or false, got "yes"$/],
    [{ signal: {} }, "signal", /^signal: expected an AbortSignal, got \{\}$/],
    [{ onStep: 5 }, "onStep", /^onStep: expected a function, got 5$/],
    ["prompt", "options", /^the options must be an object such as \{\}, got "prompt"$/],
    [null, "options", /got null/],
    [[], "options", /got \[\]/],
  ])("%j", (options, option, message) => {
    const thrown = (() => {
      try {
        check(options);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(OptionError);
    expect(thrown).toMatchObject({ option, line: expect.stringMatching(message) });
  });

  test("in a caller's words", () => {
    try {
      check({ genLength: "4" });
      expect.unreachable();
    } catch (error) {
      expect((error as OptionError).spelled(asFlag)).toBe('--gen-length: expected a number, got "4"');
    }
  });

  test("however large it is, the message is not", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const value of [circle, "x".repeat(1e6), Array(1e6).fill(0), 10n, Symbol("s")])
      expect(() => check({ genLength: value })).toThrow(/^genLength: expected a number, got .{1,80}$/);
  });
});
