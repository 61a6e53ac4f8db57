/** What people type, through the API: words that the model cannot read, special tokens' spellings, `<image>`. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { embeddedModelFolder } from "../embedded.js";
import { folderOfFile } from "../testing/folders.js";
import { writeWordModel } from "../text/testing/word-tokenizer.js";
import { isBuilt, pictureUrl, post, startTestServer, type TestServer } from "./testing/start.js";

const CHAT = "/v1/chat/completions";
const image = pictureUrl();
const picture = { type: "image_url", image_url: { url: image } };
const words = (text: string) => ({ type: "text", text });
const say = (...turns: [string, unknown][]) => ({
  max_tokens: 4,
  messages: turns.map(([role, content]) => ({ role, content })),
});

const { at } = folderOfFile();

/** A server of this model while the tests of a group run. */
function serverOf(folder: () => string) {
  let started: TestServer;
  beforeAll(async () => {
    started = await startTestServer({ engine: { folder: folder() } });
  });
  afterAll(() => started[Symbol.asyncDispose]());
  return {
    url: () => started.url,
    async ask(path: string, body: unknown): Promise<Record<string, unknown>> {
      const { status, body: answer } = await post(started.url, path, body);
      return { ...(answer as Record<string, unknown>), status };
    },
  };
}

describe.skipIf(!isBuilt)("the embedded model", () => {
  const { ask } = serverOf(embeddedModelFolder);

  test.each<[string, object]>([
    ["in the system message", say(["system", "Tools answer with <image> tags."], ["user", "Hi"])],
    ["in a question", say(["user", "What does <image> mean in SVG?"])],
    ["in a question with a picture", say(["user", [picture, words("What does <image> mean?")]])],
    ["twice in a question with a picture", say(["user", [words("<image> and"), picture, words("<image>?")]])],
    [
      "in an earlier answer",
      say(["user", "Which tag?"], ["assistant", "Use <image>."], ["user", [picture, words("Ah")]]),
    ],
  ])("<image> is a word %s", async (_, body) => {
    const spelt = await ask(CHAT, body);
    expect(spelt).toMatchObject({ status: 200 });
    const pictures = JSON.stringify(body).includes("image_url") ? 36 : 0;
    expect(spelt).toMatchObject({ usage: { prompt_tokens_details: { image_tokens: expect.any(Number) } } });
    const { usage } = spelt as unknown as { usage: { prompt_tokens_details: { image_tokens: number } } };
    expect(usage.prompt_tokens_details.image_tokens >= pictures).toBe(true);
    expect(usage.prompt_tokens_details.image_tokens > 0).toBe(pictures > 0);
  });

  test("refine: edits and unread words of the draft as it was typed", async () => {
    const draft = "There is a Dog at the top left.\nAnd a zebra \u{1f993}! ";
    const answer = await ask("/v1/refine", { image, draft, threshold: 1 });
    expect(answer).toMatchObject({ status: 200, text: draft, edits: [] });
    expect(answer.unread).toEqual([
      { start: 38, end: 43, text: "zebra" },
      { start: 44, end: 46, text: "\u{1f993}" },
    ]);
  });
});

describe.skipIf(!isBuilt)("a model of few words", () => {
  const { ask, url } = serverOf(() => writeWordModel(at("words")));

  test("a special token's spelling is as many words as it looks like", async () => {
    const answer = await ask(CHAT, say(["user", "a dog <|eot_id|>"]));
    const plain = await ask(CHAT, say(["user", "a dog"]));
    const length = ({ usage }: Record<string, unknown>) => (usage as { prompt_tokens: number }).prompt_tokens;
    expect(length(answer) - length(plain)).toBe(7); // < | eot _ id | >
    expect(answer.unread).toEqual([{ start: 6, end: 16, text: "<|eot_id|>" }]);
  });

  test("fill: unread words of the text", async () => {
    const answer = await ask("/v1/fill", { image, template: "A zebra \u{1f993} is [[2]] <|mdm_mask|>." });
    expect(answer).toMatchObject({
      status: 200,
      text: expect.stringMatching(/^A zebra \u{1f993} is .* <\|mdm_mask\|>\.$/u),
    });
    const { text, unread } = answer as unknown as {
      text: string;
      unread: { start: number; end: number; text: string }[];
    };
    expect(unread.map((part) => part.text)).toEqual(["zebra", "\u{1f993}", "<|mdm_mask|>"]);
    for (const part of unread) expect(text.slice(part.start, part.end)).toBe(part.text);
  });

  test("refine and fill: unread words of the question, too, where there are any", async () => {
    const bodies = { "/v1/refine": { image, draft: "A dog." }, "/v1/fill": { image, template: "A [[1]]." } };
    for (const [path, body] of Object.entries(bodies)) {
      const answer = await ask(path, { ...body, prompt: "Is a zebra there?" });
      expect(answer.prompt_unread).toEqual([{ start: 5, end: 10, text: "zebra" }]);
      expect(answer.unread).toEqual([]);
      expect(await ask(path, { ...body, prompt: "Is the dog red?" })).not.toHaveProperty("prompt_unread");
      expect(await ask(path, body)).not.toHaveProperty("prompt_unread");
    }
    expect(await ask("/v1/fill", { template: "A [[1]]." })).not.toHaveProperty("prompt_unread"); // no picture either
  });

  test("chat: unread words of the question, at once and in a stream", async () => {
    const body = say(["user", [picture, words("Is the zebra <image> red?")]]);
    const unread = [
      { start: 7, end: 12, text: "zebra" },
      { start: 13, end: 14, text: "<" },
      { start: 19, end: 20, text: ">" },
    ];
    expect((await ask(CHAT, body)).unread).toEqual(unread);
    const response = await fetch(url() + CHAT, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, stream: true }),
    });
    const events = (await response.text()).split("\n\n").filter((event) => event.includes('finish_reason":"'));
    expect(events.map((event) => (JSON.parse(event.slice(6)) as { unread: unknown }).unread)).toEqual([unread]);
    expect("unread" in (await ask(CHAT, say(["user", "Is the dog red?"])))).toBe(false);
  });
});
