/** A request with nothing left open: the same from whichever client it comes. */
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { tokenizerFolder } from "../testing/fixtures.js";
import { loadTokenizer } from "../text/tokenizer.js";
import type { AskableModel, ModelFacts } from "./model-facts.js";
import { checkOptions, type DescribeOptions } from "./request.js";
import { resolveDescribe, resolveFill, resolveRefine } from "./resolve.js";

const tokenizer = await loadTokenizer(tokenizerFolder);
const { eot } = tokenizer.special;

function modelWith(facts: Partial<ModelFacts> = {}): AskableModel {
  const usual = { folder: "model", defaults: {}, maxPositions: 4096, sceneWorld: false, tiling: undefined };
  return { facts: { ...usual, ...facts }, tokenizer };
}

const resolved = (facts: Partial<ModelFacts>, options: DescribeOptions = {}) =>
  resolveDescribe(modelWith(facts), 1, options);

describe("what holds where nothing is asked for", () => {
  test.each<[string, Partial<ModelFacts>, object]>([
    ["the usual", {}, { imageJoin: "legacy", decode: { genLength: 128, blockLength: 128, steps: 128, seed: 42 } }],
    [
      "a model of the scene world",
      { sceneWorld: true },
      { imageJoin: "correct", decode: { genLength: 48, steps: 48 } },
    ],
    [
      "what a config says",
      { defaults: { genLength: 24, imageJoin: "correct" } },
      { imageJoin: "correct", decode: { genLength: 24, steps: 24 } },
    ],
    [
      "a config that says otherwise of the scene world",
      { sceneWorld: true, defaults: { imageJoin: "legacy" } },
      { imageJoin: "legacy" },
    ],
    ["few positions", { maxPositions: 100 }, { decode: { genLength: 25, blockLength: 25, steps: 25 } }],
    ["hardly any", { maxPositions: 2 }, { decode: { genLength: 1 } }],
  ])("%s", (_, facts, expected) => {
    expect(resolved(facts)).toMatchObject(expected);
  });

  test("what is asked for overrules it, and the rest follows", () => {
    const facts = { defaults: { genLength: 24, imageJoin: "correct" as const } };
    expect(resolved(facts, { tokensPerStep: 4 }).decode).toMatchObject({ genLength: 24, steps: 6 });
    expect(resolved(facts, { genLength: 8 }).decode).toMatchObject({ genLength: 8, blockLength: 8, steps: 8 });
    const legacy = resolved(facts, { imageJoin: "legacy" });
    expect(legacy.ids).toHaveLength(resolved(facts).ids.length - 1); // the token after the picture
  });

  test("a refinement's rounds and threshold", () => {
    expect(resolveRefine(modelWith(), 1, "a cat", {})).toMatchObject({ rounds: 8, threshold: 0 });
    const careful = modelWith({ defaults: { refineThreshold: 0.4 } });
    expect(resolveRefine(careful, 1, "a cat", {})).toMatchObject({ threshold: 0.4 });
    expect(resolveRefine(careful, 1, "a cat", { threshold: 0 })).toMatchObject({ threshold: 0 });
  });

  test("a template asks about the picture only where there is one", () => {
    const question = (pictures: number) => resolveFill(modelWith(), pictures, "A[[2]].", {}).messages[0]?.content;
    expect(question(0)).toBe("Please write a short text.");
    expect(question(1)).toBe("<image>\nPlease describe the image in detail.");
  });
});

describe("the end of an answer", () => {
  test("is the end of the turn, with further stop texts and without", () => {
    expect(resolved({})).toMatchObject({ stop: [], decode: { stop: [[eot]] } });
    expect(resolved({}, { stop: ["."] })).toMatchObject({ stop: ["."], decode: { stop: [[eot]] } });
  });

  test("under compat the given texts replace it, as token sequences", () => {
    expect(resolved({}, { compat: true })).toMatchObject({ stop: [], decode: { stop: [[eot]], compat: true } });
    const stop = ["the cat", "."];
    expect(resolved({}, { compat: true, stop })).toMatchObject({
      stop: [],
      decode: { stop: stop.map((text) => tokenizer.encode(text)) },
    });
  });
});

test("what makes no sense for any model is told without one; what depends on its length is not", () => {
  const complaint = (options: DescribeOptions) => {
    try {
      checkOptions(options);
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      return (error as UserError).message;
    }
    return undefined;
  };
  expect(complaint({ blockLength: 7 })).toBeUndefined();
  expect(complaint({ blockLength: 7, steps: 3 })).toBeUndefined();
  expect(complaint({ threshold: 0.5, blockLength: 7 })).toBeUndefined();
  expect(complaint({ blockLength: 0 })).toMatch(/blockLength must be a whole number from 1, got 0/);
  expect(complaint({ steps: 1.5 })).toMatch(/steps must be a whole number from 1, got 1\.5/);
  expect(complaint({ genLength: 10, blockLength: 4 })).toMatch(/is not a multiple of/);
  expect(complaint({ stop: [""] })).toMatch(/a stop text is empty/);
  expect(() => resolved({}, { blockLength: 7 })).toThrow(/genLength 128 is not a multiple of blockLength 7/);
});
