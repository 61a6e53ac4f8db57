import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { markRevisions } from "../../data/samples/revised-phrases.js";
import { parseReply } from "../../pipeline/correction/expert-reply.js";
import { checkPairs } from "../../pipeline/correction/phrase-pairs.js";
import { folderOfFile } from "../../testing/folders.js";
import { renderPrompt } from "../../text/chat-template.js";
import { DEFAULT_QUESTION } from "../../text/default-question.js";
import { encodePrompt } from "../../text/image-tokens.js";
import { labelConversation, type Turn } from "../../text/labels.js";
import { loadTokenizer, type Tokenizer } from "../../text/tokenizer.js";
import { correctDraft } from "../expert/oracle-reply.js";
import { plantError, usualErrors } from "../language/planted-error.js";
import { ask, tasks } from "../language/scene-questions.js";
import { sentenceStarts, signs, vocabulary } from "../language/vocabulary.js";
import { joinWords, splitWords } from "../language/words.js";
import { captionArbitrary, factsArbitrary } from "../testing/arbitrary.js";
import { positionsOf } from "../world/facts.js";
import { rng } from "../world/purpose-random.js";
import { sampleFacts } from "../world/random-facts.js";
import { worlds } from "../world/world.js";
import { sceneTokens, writeSceneTokenizer } from "./tokenizer-folder.js";

const { path: folder } = folderOfFile();
let tokenizer: Tokenizer;

beforeAll(async () => {
  writeSceneTokenizer(folder);
  tokenizer = await loadTokenizer(folder);
});

const conversation = (answer: string): Turn[] => [
  { role: "user", content: `<image>\n${DEFAULT_QUESTION}` },
  { role: "assistant", content: answer },
];

describe("the world's tokenizer", () => {
  it("has every word as one token behind a space, at the start of a sentence and of a text", () => {
    const { words, length } = sceneTokens();
    expect(tokenizer.length).toBe(length);
    for (const word of vocabulary()) {
      const [space, ...rest] = tokenizer.encode(`dummy ${word}`).slice(1);
      if (signs.includes(word)) continue;
      expect(rest).toEqual([]);
      expect(space).toBeGreaterThan(0);
      expect(space).toBeLessThanOrEqual(words);
      expect(tokenizer.encode(word)).toHaveLength(1);
    }
    for (const word of sentenceStarts()) {
      expect(tokenizer.encode(word)).toHaveLength(1);
      expect(tokenizer.encode(`dog. ${word} dog`)).toHaveLength(4);
    }
    expect(Math.min(...Object.values(tokenizer.special))).toBe(words + 1);
  });

  it("gives captions back, a token for each word", () => {
    fc.assert(
      fc.property(captionArbitrary, ({ words }) => {
        const text = joinWords(words);
        const ids = tokenizer.encode(text);
        expect(ids).toHaveLength(words.length);
        expect(tokenizer.decode(ids)).toBe(text);
      }),
    );
  });

  it("writes any text", () => {
    for (const text of [
      "Zebras don't fly, do they?",
      "  two  spaces\n\n\ttab",
      "na\u00efve \u732b \u{1f408}",
      "3.5 (x) - <b>",
    ])
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(tokenizer.decode(tokenizer.encodeText(text))).toBe(text);
      }),
    );
  });

  it("knows every word of questions and answers", () => {
    fc.assert(
      fc.property(factsArbitrary, fc.constantFrom(...tasks), fc.nat(), (facts, task, seed) => {
        const grid = facts.objects.every(({ position }) => positionsOf(2).includes(position)) ? 2 : 3;
        const { question, answer } = ask(
          task,
          facts,
          { grid, wording: "free", names: 28 },
          { size: 96, boxes: facts.objects.map(() => []) },
          rng(seed),
        );
        for (const text of [question, answer]) {
          expect(tokenizer.encode(text)).toHaveLength(splitWords(text).length);
          expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
        }
      }),
    );
  });

  it("fits the chat template: a short prompt without unknown words, the same in training", () => {
    const messages = [{ role: "user", content: `<image>\n${DEFAULT_QUESTION}` }];
    const prompt = encodePrompt(tokenizer, renderPrompt(tokenizer, messages), { join: "correct" });
    expect(prompt).toHaveLength(25);
    expect(tokenizer.decode(prompt.filter((id) => id >= 0)).startsWith("<|startoftext|>")).toBe(true);
    const { ids } = labelConversation(tokenizer, conversation("A dog is at the top left."), { hasImage: true });
    expect(ids.slice(0, prompt.length)).toEqual(prompt);
    expect(ids.slice(prompt.length)).toEqual([...tokenizer.encode("A dog is at the top left."), tokenizer.special.eot]);
    expect(tokenizer.special).toMatchObject({ pad: tokenizer.special.eos });
  });
});

describe("training on pairs", () => {
  it("finds every planted error", () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...usualErrors), (seed, kind) => {
        const random = rng(seed);
        const error = plantError(
          sampleFacts(worlds.demo, random),
          kind,
          worlds.demo,
          random,
          splitWords(DEFAULT_QUESTION),
        );
        expect(error).toBeDefined();
        if (error === undefined) return;
        expect(error.revise.length).toBeGreaterThan(0);
        const row = labelConversation(tokenizer, conversation(error.draft), { hasImage: true });
        const right = labelConversation(tokenizer, conversation(error.right), { hasImage: true });
        const { labels, outcomes } = markRevisions(tokenizer, row, error.revise);
        expect(outcomes.every((outcome) => outcome === "found")).toBe(true);
        expect(labels).toEqual(right.labels);
      }),
    );
  });

  it("can use every reply of the expert", () => {
    fc.assert(
      fc.property(captionArbitrary, fc.nat(), ({ facts, words }, seed) => {
        const random = rng(seed);
        const draft = joinWords(words.map((word) => (random.chance(0.3) ? random.pick(words) : word)));
        const reply = parseReply(correctDraft(draft, facts, DEFAULT_QUESTION));
        expect(reply.kind).not.toBe("unusable");
        if (reply.kind !== "pairs") return;
        const { kept, dropped, ambiguous } = checkPairs(tokenizer, draft, reply.pairs);
        expect({ dropped, ambiguous, kept: kept.length }).toEqual({
          dropped: [],
          ambiguous: 0,
          kept: reply.pairs.length,
        });
        const row = labelConversation(tokenizer, conversation(draft), { hasImage: true });
        const { outcomes } = markRevisions(tokenizer, row, kept);
        expect(outcomes.every((outcome) => outcome === "found")).toBe(true);
      }),
    );
  });
});
