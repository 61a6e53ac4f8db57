/** A request with nothing left open: the same from whichever client it comes. */
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { tokenizerFolder } from "../testing/fixtures.js";
import { loadTokenizer } from "../text/tokenizer.js";
import type { AskableModel, ModelFacts } from "./model-facts.js";
import { checkOptions, type DescribeOptions, type FillOptions } from "./request.js";
import { resolveDescribe, resolveFill, resolveRefine } from "./resolve.js";

const tokenizer = await loadTokenizer(tokenizerFolder);
const { eot } = tokenizer.special;

function modelWith(facts: Partial<ModelFacts> = {}): AskableModel {
  const usual = { folder: "model", defaults: {}, maxPositions: 4096, sceneWorld: false, tiling: undefined };
  const { longestToken } = tokenizer;
  return { facts: { ...usual, reach: facts.maxPositions ?? 4096, longestToken, ...facts }, tokenizer };
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

  test("how sure it counts as, and whether it revises in the steps that are left; neither with compat", () => {
    const facts = { defaults: { reviseRest: true, confidenceAmong: "all" as const } };
    expect(resolved({}).decode).toMatchObject({ reviseRest: false, confidenceAmong: "allowed" });
    expect(resolved(facts).decode).toMatchObject({ reviseRest: true, confidenceAmong: "all" });
    expect(resolved(facts, { reviseRest: false, confidenceAmong: "allowed" }).decode).toMatchObject({
      reviseRest: false,
      confidenceAmong: "allowed",
    });
    expect(resolved(facts, { compat: true }).decode).toMatchObject({ reviseRest: false, confidenceAmong: "allowed" });
    expect(resolveFill(modelWith(facts), 1, "A[[2]].", {}).decode).toMatchObject({ confidenceAmong: "all" });
  });

  test("by which rule it decodes; steps, another rule, or what does not go with it overrule that", () => {
    const facts = {
      defaults: { reviseRest: true, decoding: { rule: "joint" as const, threshold: 0.8, editThreshold: 0.6 } },
    };
    const joint = { rule: "joint", threshold: 0.8, editThreshold: 0.6, postEditSteps: 16, revise: true };
    expect(resolved({}).decode).toMatchObject({ rule: "schedule", revise: false });
    expect(resolved(facts).decode).toMatchObject({ ...joint, reviseRest: false });
    expect(resolved(facts, { postEditSteps: 2 }).decode).toMatchObject({ ...joint, postEditSteps: 2 });
    const scheduled = { rule: "joint" as const, tokensPerStep: 4, genLength: 24 };
    expect(resolved(facts, scheduled).decode).toMatchObject({ ...joint, threshold: undefined, steps: 6 });
    const schedule = { rule: "schedule", threshold: undefined, editThreshold: undefined };
    expect(resolved(facts, { tokensPerStep: 4, revise: true }).decode).toMatchObject({ ...schedule, reviseRest: true });
    expect(resolved(facts, { compat: true }).decode).toMatchObject(schedule);
    expect(resolved(facts, { revise: false }).decode).toMatchObject(schedule);
    expect(resolved(facts, { threshold: 0.5 }).decode).toMatchObject({ rule: "threshold", threshold: 0.5 });
    expect(resolved(facts, { rule: "entropy" }).decode).toMatchObject({ rule: "entropy", entropyBound: 0.1 });
  });

  test("a template's steps are its blanks' tokens, and as many as it needs under a rule without a schedule", () => {
    const decode = (options: FillOptions) => resolveFill(modelWith(), 1, "A[[2]].", options).decode;
    expect(decode({})).toMatchObject({ rule: "schedule", steps: 2 });
    const { genLength } = decode({});
    for (const rule of ["threshold", "factor", "entropy", "joint"] as const)
      expect(decode({ rule })).toMatchObject({ rule, steps: genLength });
    expect(decode({ rule: "joint" }).threshold).toBe(0.7);
    expect(decode({ rule: "joint", steps: 2 })).toMatchObject({ threshold: undefined, steps: 2 });
  });

  test("a template asks about the picture only where there is one", () => {
    const question = (pictures: number) => resolveFill(modelWith(), pictures, "A[[2]].", {}).messages[0]?.content;
    expect(question(0)).toBe("Please write a short text.");
    expect(question(1)).toBe("<image>\nPlease describe the image in detail.");
  });
});

describe("<image>", () => {
  const places = ({ ids }: { ids: number[] }) => ids.filter((id) => id < 0).length;
  const said = ({ ids }: { ids: number[] }) => tokenizer.decode(ids.filter((id) => id >= 0));
  const asked = (pictures: number, options: DescribeOptions) => resolveDescribe(modelWith(), pictures, options);

  test("is a picture's place where the user's turns have as many as there are pictures", () => {
    const { ids } = asked(1, { prompt: "Look: <image> What?", imageJoin: "correct" });
    const at = ids.indexOf(-200);
    expect(tokenizer.decode(ids.slice(0, at))).toMatch(/Look: $/);
    const messages = ["<image>\nOne.", "Yes.", "And <image>?"].map((content, i) => ({
      role: i % 2 === 0 ? "user" : "assistant",
      content,
    }));
    expect(places(asked(2, { messages }))).toBe(2);
  });

  test.each<[string, number, DescribeOptions]>([
    ["in a question without pictures", 0, { prompt: "What does <image> mean?" }],
    ["twice for one picture, which comes first", 1, { prompt: "What do <image> and <image> mean?" }],
    ["with a backslash", 1, { prompt: "What does \\<image> mean?" }],
    ["in a system text", 1, { system: "Answer with <image> tags.", prompt: "Hi" }],
    [
      "in an earlier answer",
      1,
      {
        messages: [
          { role: "user", content: "Which tag?" },
          { role: "assistant", content: "Use <image>." },
          { role: "user", content: "Thanks" },
        ],
      },
    ],
  ])("is a word %s", (_, pictures, options) => {
    const request = asked(pictures, options);
    expect(places(request)).toBe(pictures);
    const bare = JSON.parse(JSON.stringify(options).replace(/\\{0,2}<image>/g, "")) as DescribeOptions;
    const words = JSON.stringify(options).match(/<image>/g)?.length ?? 0;
    expect(said(request).split("<image>")).toHaveLength(words + 1);
    expect(said(request).replaceAll("<image>", "")).toBe(said(asked(pictures, bare)));
    // What was decided can be asked again as it stands.
    const { prompt: _prompt, ...spoken } = options as DescribeOptions;
    expect(asked(pictures, { ...spoken, messages: request.messages }).ids).toEqual(request.ids);
  });

  test("without any special spelling, the ids are those of the whole prompt", () => {
    const prompt = "Caf\u00e9? \ud83e\udd93  two\n\nlines ";
    expect(asked(1, { prompt }).ids).toEqual(asked(1, { prompt, compat: true }).ids);
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
