/** A chat-completions server on 127.0.0.1 for tests: records what it is asked, answers, and misbehaves on demand. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

const part = z.union([
  z.object({ type: z.literal("image_url"), image_url: z.looseObject({ url: z.string() }) }),
  z.object({ type: z.literal("text"), text: z.string() }),
]);
const bodySchema = z.looseObject({
  messages: z.array(z.object({ role: z.enum(["system", "user"]), content: z.union([z.string(), z.array(part)]) })),
});

/** One request, as it came. */
export interface ExpertCall {
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
  system: string;
  picture: string;
  text: string;
  /** The draft; the whole text where none is marked as one. */
  prediction: string;
  /** 1 for the first request about this draft. */
  nth: number;
  /** performance.now() */
  at: number;
}

export interface Behaviour {
  /** What the expert says; default "right". */
  reply?: string | null;
  /** In place of `{index, message, finish_reason}`. */
  choice?: unknown;
  usage?: unknown;
  delayMs?: number;
  /** Takes the request and never answers. */
  hang?: boolean;
  status?: number;
  headers?: Record<string, string>;
  /** In place of the whole completion. */
  body?: unknown;
  /** Closes the connection after so many bytes of the body; 0 sends no header either. */
  cutAfter?: number;
}

export interface FakeExpert {
  /** Base URL. */
  url: string;
  calls: ExpertCall[];
  /** How often each draft was answered well and whole. */
  answered: Map<string, number>;
  underWay: number;
  mostUnderWay: number;
  behave: (call: ExpertCall) => Behaviour | undefined;
  close(): Promise<void>;
}

const partsOf = ({ messages }: z.infer<typeof bodySchema>, role: string): z.infer<typeof part>[] =>
  messages.flatMap((message) => {
    if (message.role !== role) return [];
    return typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
  });

export const USAGE = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };

export async function startFakeExpert(behave: FakeExpert["behave"] = () => undefined): Promise<FakeExpert> {
  const counts = new Map<string, number>();
  const server = createServer((request, response) => {
    fake.underWay++;
    fake.mostUnderWay = Math.max(fake.mostUnderWay, fake.underWay);
    response.on("close", () => fake.underWay--);
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = performance.now();
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = bodySchema.parse(JSON.parse(Buffer.concat(pieces).toString("utf8")));
    const textOf = (role: string) =>
      partsOf(body, role)
        .flatMap((item) => (item.type === "text" ? [item.text] : []))
        .join("\n");
    const [picture] = partsOf(body, "user").flatMap((item) => (item.type === "image_url" ? [item.image_url.url] : []));
    const system = textOf("system");
    const text = textOf("user");
    const prediction = text.split("Prediction: ").at(-1) || system;
    const nth = (counts.get(prediction) ?? 0) + 1;
    counts.set(prediction, nth);
    const call: ExpertCall = {
      path: request.url ?? "",
      headers: request.headers,
      body,
      system,
      picture: picture ?? "",
      text,
      prediction,
      nth,
      at,
    };
    fake.calls.push(call);
    await respond(call, fake.behave(call) ?? {}, response);
  }

  async function respond(call: ExpertCall, behaviour: Behaviour, response: ServerResponse): Promise<void> {
    const { reply = "right", usage = USAGE, delayMs, status = 200, cutAfter } = behaviour;
    if (behaviour.hang) return;
    if (delayMs !== undefined) await sleep(delayMs);
    const message = { role: "assistant", content: reply };
    const completion = {
      id: `chatcmpl-${fake.calls.length}`,
      object: "chat.completion",
      model: "fake-2026",
      choices: [behaviour.choice ?? { index: 0, message, finish_reason: "stop" }],
      usage,
    };
    const value = behaviour.body ?? completion;
    const bytes = Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
    if (cutAfter === 0) return void response.destroy();
    response.writeHead(status, {
      "content-type": "application/json",
      "content-length": bytes.length,
      ...behaviour.headers,
    });
    if (cutAfter !== undefined) {
      response.write(bytes.subarray(0, cutAfter), () => response.destroy());
      return;
    }
    response.end(bytes, () => {
      if (status === 200 && behaviour.body === undefined)
        fake.answered.set(call.prediction, (fake.answered.get(call.prediction) ?? 0) + 1);
    });
  }

  const fake: FakeExpert = {
    url: "",
    calls: [],
    answered: new Map(),
    underWay: 0,
    mostUnderWay: 0,
    behave,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return fake;
}
