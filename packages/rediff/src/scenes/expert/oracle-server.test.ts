import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseReply } from "../../pipeline/correction/expert-reply.js";
import { expertText } from "../../pipeline/expert/expert-prompt.js";
import { folderOfFile } from "../../testing/folders.js";
import { DEFAULT_QUESTION } from "../../text/default-question.js";
import { plantError } from "../language/planted-error.js";
import { generateScenes } from "../records/generate-scenes.js";
import { readScenes, type Scene } from "../records/scene-records.js";
import { scoreCaption } from "../scoring/score.js";
import { rng } from "../world/purpose-random.js";
import { worlds } from "../world/world.js";
import { noCorrection, readTruth } from "./oracle-reply.js";
import { type ExpertServer, startExpert } from "./oracle-server.js";
import { applyPairs } from "./word-edits.js";

const { at, path: folder } = folderOfFile();
let server: ExpertServer;
const scenes: Scene[] = [];

beforeAll(async () => {
  await generateScenes({ world: worlds.demo, seed: 1, split: "any", style: "noto", size: 32, count: 8, folder });
  const file = at("scenes.jsonl");
  for await (const scene of readScenes(file)) scenes.push(scene);
  server = await startExpert({ truth: await readTruth(file), port: 0 });
});
afterAll(async () => {
  await server.close();
});

const post = (body: unknown) =>
  fetch(`${server.url}/chat/completions`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

function request(scene: Scene, prediction: string) {
  const picture = readFileSync(at(scene.record.image)).toString("base64");
  const answer = scene.record.conversations[1]?.value;
  const question = `<image>\n${DEFAULT_QUESTION}`;
  return {
    model: "any",
    messages: [
      { role: "system", content: "You check descriptions." },
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: `data:image/png;base64,${picture}` } },
          { type: "text", text: expertText({ question, answer, prediction }) },
        ],
      },
    ],
  };
}

async function reply(scene: Scene, prediction: string): Promise<string> {
  const response = await post(request(scene, prediction));
  expect(response.status).toBe(200);
  const body = (await response.json()) as { choices: { message: { content: string } }[] };
  return body.choices[0]?.message.content ?? "";
}

describe("the expert as a server", () => {
  it("says right to true captions", async () => {
    for (const scene of scenes) expect(await reply(scene, scene.record.conversations[1]?.value ?? "")).toBe("right");
  });

  it("mends planted errors, told by the picture alone whose truth counts", async () => {
    await Promise.all(
      scenes.map(async (scene, i) => {
        const error = plantError(scene.facts, "object", worlds.demo, rng(i));
        const draft = error?.draft ?? "";
        const parsed = parseReply(await reply(scene, draft));
        const mended = parsed.kind === "pairs" ? applyPairs(draft, parsed.pairs) : draft;
        expect(scoreCaption(mended, scene.facts).exact).toBe(1);
      }),
    );
  });

  it("says so when no true caption has that length", async () => {
    const [scene] = scenes;
    for (const draft of ["", "a dog", "a dog. ".repeat(40)]) {
      const text = await reply(scene as Scene, draft);
      expect(text).toBe(noCorrection);
      expect(parseReply(text)).toEqual({ kind: "unusable", reason: "not_json" });
    }
  });

  it("answers as OpenAI does", async () => {
    const scene = scenes[0] as Scene;
    const body = (await (await post(request(scene, "a dog."))).json()) as { usage: Record<string, number> };
    expect(body).toMatchObject({ object: "chat.completion", choices: [{ index: 0, finish_reason: "stop" }] });
    expect(body.usage.total_tokens).toBe((body.usage.prompt_tokens ?? 0) + (body.usage.completion_tokens ?? 0));
    expect(await (await fetch(`${server.url}/models`)).json()).toMatchObject({ object: "list" });
    expect(await (await fetch(server.url.replace("/v1", "/health"))).json()).toEqual({ status: "ok", scenes: 8 });
  });

  it("refuses what it cannot answer, in OpenAI's error object", async () => {
    const scene = scenes[0] as Scene;
    const bad = async (body: unknown) => {
      const response = await post(body);
      const { error } = (await response.json()) as { error: { code: string; message: string; type: string } };
      return [response.status, error.code];
    };
    const change = (change: (body: ReturnType<typeof request>) => unknown) => change(request(scene, "a dog."));
    expect(await bad("{")).toEqual([400, "invalid_json"]);
    expect(await bad({})).toEqual([400, "invalid_request"]);
    expect(await bad({ messages: [{ role: "user", content: "Prediction: a dog." }] })).toEqual([400, "missing_image"]);
    expect(await bad(change((body) => ({ ...body, stream: true })))).toEqual([400, "unsupported_value"]);
    const withUrl = (url: string) =>
      change(({ messages }) => {
        const parts = messages[1]?.content as { type: string; text?: string }[];
        return { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }, parts[1]] }] };
      });
    expect(await bad(withUrl("data:image/png;base64,AAAA"))).toEqual([400, "unknown_image"]);
    expect(await bad(withUrl("https://host/picture.png"))).toEqual([400, "invalid_image_url"]);
    const wordless = change(({ messages }) => {
      const parts = messages[1]?.content as unknown[];
      return { messages: [{ role: "user", content: [parts[0], { type: "text", text: "hello" }] }] };
    });
    expect(await bad(wordless)).toEqual([400, "missing_prediction"]);
    expect((await fetch(`${server.url}/chat/completions`)).status).toBe(405);
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
  });

  it("says which port is taken", async () => {
    const port = Number(new URL(server.url).port);
    await expect(startExpert({ truth: new Map(), port })).rejects.toThrow(`port ${port}`);
  });
});
