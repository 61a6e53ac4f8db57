/** One question to an expert, or to a judge, over OpenAI's chat-completions API, and what can come back.
 *
 *  The original prints a bad response and stores None. Here what another try may mend is a TransientError, what is wrong
 *  with one draft alone is a RejectedDraft, and what concerns every request is a UserError. An answer that was cut off,
 *  filtered or refused is an answer: it was paid for, and asked again it would mostly come out the same. */
import { UserError } from "../../errors.js";
import { type ExpertAnswer, readAnswer } from "./expert-answer.js";
import { headerOf, refusal } from "./expert-refusal.js";
import { type HttpReply, openPoster } from "./http-post.js";

export interface ExpertSettings {
  /** Of the chat-completions API, mostly ending in /v1. */
  baseUrl: string;
  model: string;
  /** Sent as a bearer token; none for servers that ask for none. */
  apiKey?: string | undefined;
  /** Where the key comes from, for messages. */
  apiKeyName: string;
  maxCompletionTokens: number;
  temperature?: number | undefined;
  /** Further fields of the request; null removes one. */
  extraBody?: Readonly<Record<string, unknown>> | undefined;
  timeoutMs: number;
  /** What messages call the options of address and model, where these are not the names of the loop's. */
  optionNames?: { url: string; model: string } | undefined;
}

export type MessagePart =
  | { type: "text"; text: string }
  /** `url` is a data URL. */
  | { type: "image_url"; image_url: { url: string; detail?: "high" | "low" | "auto" } };

export interface ChatMessage {
  role: "system" | "user";
  content: string | readonly MessagePart[];
}

export interface ExpertRequest {
  messages: readonly ChatMessage[];
  /** Fields of this request alone, over those of all requests; `extraBody` is stronger than both. */
  fields?: Readonly<Record<string, unknown>>;
  /** The most tokens of this answer, where it is not that of all requests. */
  answerTokens?: number;
}

/** The text of a request, and how many pictures are in it. */
export function sizeOf({ messages }: ExpertRequest): { textBytes: number; pictures: number } {
  const parts = messages.flatMap(({ content }) =>
    typeof content === "string" ? [{ type: "text" as const, text: content }] : content,
  );
  const texts = parts.filter((part) => part.type === "text");
  const textBytes = texts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  return { textBytes, pictures: parts.length - texts.length };
}

/** Owns its connections: `close()` it. */
export interface Expert {
  /** @throws TransientError, RejectedDraft, UserError; the signal's reason */
  ask(request: ExpertRequest, signal: AbortSignal): Promise<ExpertAnswer>;
  close(): void;
}

export function openExpert(settings: ExpertSettings): Expert {
  const url = completionsUrl(settings.baseUrl);
  requestFields(settings); // which says what is wrong with them
  const poster = openPoster(url);
  const headers = requestHeaders(settings);
  return {
    async ask({ messages, fields, answerTokens }, signal) {
      const body = JSON.stringify({ ...requestFields(settings, { answerTokens, fields }), messages });
      const reply = await poster.post(body, { headers, timeoutMs: settings.timeoutMs, signal });
      const clean = withoutKey(reply, settings.apiKey);
      if (reply.status < 200 || reply.status > 299) throw refusal(clean, { ...settings, url });
      return readAnswer(clean);
    },
    close: () => poster.close(),
  };
}

/** @throws UserError when it is no address of an API */
export function completionsUrl(baseUrl: string): URL {
  const hint = "For example --base-url https://api.openai.com/v1 or http://127.0.0.1:8000/v1.";
  if (!URL.canParse(baseUrl) || !/^https?:/i.test(baseUrl))
    throw new UserError(`base URL "${baseUrl}": expected http(s)://HOST/PATH`, hint);
  const url = new URL(baseUrl);
  if (url.username !== "" || url.password !== "")
    throw new UserError(
      `the base URL for ${url.host} has a user name or password in it`,
      "The key is read from the environment.",
    );
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith("/chat/completions") ? path : `${path}/chat/completions`;
  return url;
}

/** Fields that decide what is asked, or that the reply could not be read with. */
const OURS = ["messages", "model", "stream", "n"];

function requestFields(
  { model, maxCompletionTokens, temperature, extraBody = {} }: ExpertSettings,
  own: { answerTokens?: number | undefined; fields?: ExpertRequest["fields"] | undefined } = {},
): Record<string, unknown> {
  const ours = OURS.find((name) => name in extraBody);
  if (ours !== undefined) throw new UserError(`the extra body sets "${ours}", which is not its to set`);
  const fields = {
    model,
    max_completion_tokens: own.answerTokens ?? maxCompletionTokens,
    ...(temperature !== undefined && { temperature }),
    ...own.fields,
    ...extraBody,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

function requestHeaders({ apiKey, apiKeyName }: ExpertSettings): Record<string, string> {
  const headers = { accept: "application/json", "user-agent": `rediff; node/${process.versions.node}` };
  if (apiKey === undefined) return headers;
  if (!/^[\x21-\x7e]+$/.test(apiKey))
    throw new UserError(
      `${apiKeyName}: the key has characters that no key has`,
      "Check for spaces and line breaks inside.",
    );
  return { ...headers, authorization: `Bearer ${apiKey}` };
}

/** Some servers repeat the key in what they say. Words such as "none" or "EMPTY", which local servers take as a key, are
 *  no secret, and may stand in a reply. */
const SHORTEST_SECRET = 8;
function withoutKey(reply: HttpReply, key: string | undefined): HttpReply {
  if (key === undefined || key.length < SHORTEST_SECRET) return reply;
  const clean = (text: string) => text.replaceAll(key, "[key]");
  const headers = Object.entries(reply.headers).map(([name, value]) => [name, clean(headerOf(value) ?? "")]);
  return {
    status: reply.status,
    headers: Object.fromEntries(headers) as HttpReply["headers"],
    body: clean(reply.body),
  };
}
