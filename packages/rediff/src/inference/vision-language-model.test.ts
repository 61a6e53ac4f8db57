import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { noGrad, scope } from "@rediff/torch";
import { Command } from "commander";
import { describe, expect, vi } from "vitest";
import { addModelOptions } from "../cli/options/describe-options.js";
import type { DecodeStep } from "../diffusion/decode-step.js";
import { UserError } from "../errors.js";
import { unrounded } from "../models/llada/llada.js";
import { test } from "../testing/fixtures.js";
import { folderOfFile } from "../testing/folders.js";
import { expectNoLeaks } from "../testing/leaks.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { applyEdits } from "../text/text-edits.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { answerOne } from "./answer-one.js";
import type { DescribeOptions } from "./request.js";
import { resolveRefine } from "./resolve.js";
import { loadModel } from "./vision-language-model.js";

const { at } = folderOfFile();
const photo = fixturePath("color.jpg");
const SHORT = { genLength: 16 } satisfies DescribeOptions;

const complaint = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).line;
};

async function steps<Step extends DecodeStep>(run: AsyncGenerator<Step, unknown>): Promise<Step[]> {
  const seen: Step[] = [];
  for await (const step of run) seen.push(step);
  return seen;
}

describe("describe", () => {
  test("says what it did, the same each time", async ({ model }) => {
    const options = { ...SHORT, tokensPerStep: 4, revise: true };
    const one = await model.describe(photo, options);
    expect(one).toMatchObject({ steps: 4, tokenIds: { length: 16 }, tokensPerSecond: 16 / one.seconds });
    expect(one.text).toBe(model.model.tokenizer.decode(one.tokenIds));
    for (const { fromId, toId, from, position } of one.edits) {
      expect(fromId).not.toBe(toId);
      expect(from).toBe(model.model.tokenizer.decode([fromId]));
      expect(position).toBeLessThan(16);
    }
    const { text, tokenIds, edits } = await model.describe(photo, options);
    expect({ text, tokenIds, edits }).toEqual({ text: one.text, tokenIds: one.tokenIds, edits: one.edits });
  });

  test("a path, the file's bytes and a list of one are the same", async ({ model }) => {
    const { tokenIds } = await model.describe(photo, SHORT);
    expect((await model.describe(readFileSync(photo), SHORT)).tokenIds).toEqual(tokenIds);
    expect((await model.describe([photo], SHORT)).tokenIds).toEqual(tokenIds);
  });

  test("a question without a picture", async ({ model }) => {
    const { tokenIds } = await model.describe([], { ...SHORT, prompt: "What is a cat?" });
    expect(tokenIds).toHaveLength(16);
    expect((await model.describe([], { ...SHORT, prompt: "What is a dog?" })).tokenIds).not.toEqual(tokenIds);
  });

  test("a conversation: pictures come with its first question", async ({ model }) => {
    const messages = [
      { role: "user", content: "What is it?" },
      { role: "assistant", content: "A cat." },
      { role: "user", content: "Which colour?" },
    ];
    const { tokenIds } = await model.describe(photo, { ...SHORT, messages });
    const placed = messages.map((message, i) => (i === 0 ? { ...message, content: "<image>\nWhat is it?" } : message));
    expect((await model.describe(photo, { ...SHORT, messages: placed })).tokenIds).toEqual(tokenIds);
    expect((await model.describe(photo, { ...SHORT, messages: messages.slice(2) })).tokenIds).not.toEqual(tokenIds);
  });

  test("a folder is a video's frames", async ({ model }) => {
    const frames = at("frames");
    mkdirSync(frames);
    for (const i of [0, 1, 2]) await copyFile(photo, join(frames, `${i}.jpg`));
    const { tokenIds } = await model.describe(frames, { ...SHORT, videoFrames: 3 });
    expect((await model.describe({ video: frames }, { ...SHORT, videoFrames: 3 })).tokenIds).toEqual(tokenIds);
  });

  test("the suffix is seen, kept and part of the ids", async ({ model }) => {
    const { tokenIds, text } = await model.describe(photo, { ...SHORT, suffix: " The end." });
    const suffix = model.model.tokenizer.encode(" The end.");
    expect(tokenIds.slice(16)).toEqual(suffix);
    expect(text.endsWith(" The end.")).toBe(true);
  });

  test("a draft that leaves nothing to fill is the answer", async ({ model }) => {
    const draft = "It is a cat.";
    const genLength = model.model.tokenizer.encode(draft).length;
    expect(await model.describe(photo, { genLength, draft })).toMatchObject({ text: draft, steps: 0, edits: [] });
  });
});

describe("the end of an answer", () => {
  const SEVERAL = { ...SHORT, draft: "It is a cat.<|eot_id|>", specialTokens: true };

  test("is the end of the turn, whatever else ends it too", async ({ model }) => {
    const plain = await model.describe(photo, SEVERAL);
    expect(plain).toMatchObject({ text: "It is a cat.", stopped: true });
    expect(plain.tokenIds).toEqual(model.model.tokenizer.encode("It is a cat."));
    const { tokenIds, text, stopped } = await model.describe(photo, { ...SEVERAL, stop: ["\0"] });
    expect({ tokenIds, text, stopped }).toEqual({ tokenIds: plain.tokenIds, text: plain.text, stopped: true });
  });

  test("under compat the given texts are all that ends it, as tokens", async ({ model }) => {
    const { text, stopped } = await model.describe(photo, { ...SEVERAL, stop: ["\0"], compat: true });
    expect(text).toMatch(/^It is a cat\.<\|eot_id\|>./);
    expect(stopped).toBe(false);
  });

  test("is looked for in the text: a stop may be part of a token, or of several", async ({ model }) => {
    const whole = await model.describe(photo, SHORT);
    expect(whole.stopped).toBe(false);
    for (const [from, to] of [
      [1, 2],
      [4, 9],
      [7, 8],
    ]) {
      const stop = whole.text.slice(from, to);
      const at = whole.text.indexOf(stop);
      const { text, tokenIds, stopped } = await model.describe(photo, { ...SHORT, stop: ["\0", stop] });
      expect({ text, stopped }).toEqual({ text: whole.text.slice(0, at), stopped: true });
      expect(tokenIds).toEqual(whole.tokenIds.slice(0, tokenIds.length));
      // The last token is needed for the text, and one more would be too many.
      const { tokenizer } = model.model;
      expect(tokenizer.decode(tokenIds).startsWith(text)).toBe(true);
      if (tokenIds.length > 0) expect(tokenizer.decode(tokenIds.slice(0, -1)).startsWith(text)).toBe(false);
    }
  });
});

test("the environment names the model where nobody does", async () => {
  const folder = writeTinyModel(at("of-the-environment"));
  vi.stubEnv("REDIFF_MODEL", folder);
  try {
    using model = await loadModel();
    expect(model.model.folder).toBe(folder);
    expect(addModelOptions(new Command()).parse([], { from: "user" }).opts().model).toBe(folder);
    const named = addModelOptions(new Command()).parse(["--model", "other"], { from: "user" });
    expect(named.opts().model).toBe("other");
  } finally {
    vi.unstubAllEnvs();
  }
});

describe("watch", () => {
  test("hands out every step, and the last one is the answer", async ({ model }) => {
    const seen = await steps(model.watch(photo, { ...SHORT, steps: 8 }));
    expect(seen.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const { tokenIds } = await model.describe(photo, { ...SHORT, steps: 8 });
    expect([...seen.at(-1)!.tokens]).toEqual(tokenIds);
  });

  test("every step has the text so far", async ({ model }) => {
    const seen = await steps(model.watch(photo, { ...SHORT, steps: 8 }));
    const { text } = await model.describe(photo, { ...SHORT, steps: 8 });
    expect(seen[0]!.text).toContain("\u2591");
    expect(seen.at(-1)!.text).toBe(text);
  });

  test("of a model that is closed meanwhile ends with that", async () => {
    expectNoLeaks();
    const model = await loadModel(writeTinyModel(at("closed-meanwhile")));
    const watching = (async () => {
      for await (const { step } of model.watch(photo, SHORT)) if (step === 1) model.dispose();
    })();
    await expect(watching).rejects.toMatchObject({ code: "model_closed", line: expect.stringMatching(/was closed/) });
    model.dispose();
    await expect(model.describe(photo)).rejects.toMatchObject({ code: "model_closed" });
  });

  test("ends between two steps when it is aborted, or nobody listens any more", async ({ model }) => {
    expectNoLeaks();
    const abort = new AbortController();
    const seen: number[] = [];
    const watching = (async () => {
      for await (const { step } of model.watch(photo, { ...SHORT, signal: abort.signal })) {
        seen.push(step);
        if (step === 2) abort.abort();
      }
    })();
    await expect(watching).rejects.toThrow(/aborted/);
    expect(seen).toEqual([0, 1, 2]);
    for await (const { step } of model.watch(photo, SHORT)) if (step === 1) break;
  });
});

describe("refine", () => {
  const DRAFT = "A dog sits on the sofa.";

  test("its edits turn the draft into the text", async ({ model }) => {
    const { text, edits, rounds } = await model.refine(photo, DRAFT, { rounds: 3 });
    expect(applyEdits(DRAFT, edits)).toBe(text);
    expect(text).not.toBe(DRAFT);
    expect(rounds).toBeGreaterThan(0);
    expect(rounds).toBeLessThanOrEqual(3);
  });

  test("its threshold is not that of decoding", async ({ model }) => {
    expect(await model.refine(photo, DRAFT, { threshold: 1 })).toMatchObject({ text: DRAFT, edits: [] });
  });

  test("a model may bring a threshold, which an option overrules", async () => {
    const folder = writeTinyModel(at("careful"), { config: { rediff: { refine_threshold: 1 } } });
    using careful = await loadModel(folder);
    expect(await careful.refine(photo, DRAFT)).toMatchObject({ text: DRAFT, edits: [] });
    expect((await careful.refine(photo, DRAFT, { threshold: 0 })).text).not.toBe(DRAFT);
  });

  test("writes no control token, however likely the model finds it", async () => {
    using rude = await loadModel(writeTinyModel(at("rude")));
    const { llada, tokenizer } = rude.model;
    const { head } = unrounded(llada).weights;
    const request = resolveRefine(rude.askable, 1, DRAFT, {});
    const [first] = await steps(answerOne(rude.model, "refine", request, [await rude.load(photo)], {}));
    // Twice the score of what was likeliest for the first token of the text.
    const likeliest = first?.tokens[0] as number;
    const { eot } = tokenizer.special;
    noGrad(() => scope(() => void head.narrow(0, eot, 1).copy_(head.narrow(0, likeliest, 1).mul(2))));

    const { text } = await rude.refine(photo, DRAFT, { rounds: 1 });
    expect(tokenizer.encode(text).filter((id) => tokenizer.isSpecial(id))).toEqual([]);
    expect(applyEdits(DRAFT, (await rude.refine(photo, DRAFT)).edits)).not.toContain("<|");
    // The reference's decoding has no such rule.
    expect((await rude.refine(photo, DRAFT, { rounds: 1, compat: true })).text).toMatch(/^<\|eot_id\|>/);
  });

  test("mistakes", async ({ model }) => {
    expect(await complaint(model.refine(photo, ""))).toMatch(/the draft is empty/);
    expect(await complaint(model.refine(photo, "a", { rounds: 0 }))).toMatch(/rounds must be a whole number from 1/);
    expect(await complaint(model.refine(photo, "a", { threshold: -1 }))).toMatch(/threshold must be from 0 to 1/);
  });
});

describe("mistakes", () => {
  test("options are judged before a picture is looked at", async ({ model }) => {
    const none = at("none.jpg");
    expect(await complaint(model.describe(none, { genLength: 10, blockLength: 4 }))).toMatch(/is not a multiple of/);
    expect(await complaint(model.describe(none, { steps: 4, tokensPerStep: 4 }))).toMatch(/exclude each other/);
    expect(await complaint(model.describe(none))).toMatch(/none\.jpg: no such file/);
  });

  test("compat, as the original: pictures and markers that do not match", async ({ model }) => {
    const asked = (pictures: string[], prompt: string) =>
      complaint(model.describe(pictures, { ...SHORT, prompt, compat: true }));
    expect(await asked([photo], "<image> and <image>")).toMatch(/2 <image> for 1 picture/);
    expect(await asked([], "<image>?")).toMatch(/1 <image> for 0 pictures/);
  });

  test("a model that does not see", async () => {
    using blind = await loadModel(writeTinyModel(at("blind"), { textOnly: true }));
    expect(await complaint(blind.describe(photo, SHORT))).toMatch(/is a text-only LLaDA and cannot see pictures/);
    expect((await blind.describe([], { ...SHORT, prompt: "What is a cat?" })).tokenIds).toHaveLength(16);
  });

  test("a folder that is none", async () => {
    expect(await complaint(loadModel(at("no/such/folder")))).toMatch(/there is no folder .* Give a model folder/);
    writeFileSync(at("file"), "");
    expect(await complaint(loadModel(at("file")))).toMatch(/is a file, expected a model folder/);
  });
});

test("nothing of a description stays in memory, however it ends", async ({ model }) => {
  await model.describe(photo, SHORT); // tables that are kept
  expectNoLeaks();
  await model.describe([photo, fixturePath("rgba.png")], { ...SHORT, revise: true, cfgScale: 1, temperature: 0.5 });
  await model.refine(photo, "A dog.");
  await complaint(model.describe(photo, { ...SHORT, draft: "far too long for sixteen tokens, that is for sure" }));
  await complaint(model.describe(photo, { genLength: 5000 }));
});

test("a model that was closed says so, whatever it is asked", async ({ folder }) => {
  const model = await loadModel(writeTinyModel(folder));
  model.close();
  model.close();
  for (const asked of [() => model.describe(photo), () => model.refine(photo, "a"), () => model.fill([], "[[1]]")])
    await expect(asked()).rejects.toThrow("the model was closed");
});
