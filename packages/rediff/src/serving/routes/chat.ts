/** POST /v1/chat/completions, at once or as a stream. */
import { randomUUID } from "node:crypto";
import type { Context, Hono } from "hono";
import type { Beginning, Description } from "../../inference/answers.js";
import { namedApproximations } from "../../inference/request-record.js";
import { traceEnd, traceStart } from "../../inference/trace.js";
import type { TraceEvent, TraceStep } from "../../inference/trace-format.js";
import type { PassProgress } from "../../models/chain.js";
import type { AppEnv } from "../http/api-keys.js";
import { inFields, toApiError } from "../http/error-object.js";
import { readAsked } from "../http/request-body.js";
import { eventStream } from "../http/sse.js";
import { mediaReading } from "../media/load-media.js";
import { askingOf, type Served, type Serving, servedAt } from "../route-context.js";
import { type ChatAsked, chatSpelling } from "./chat-job.js";
import { clientSignal } from "./client.js";

export function chatRoute(app: Hono<AppEnv>, serving: Serving): void {
  app.post("/v1/chat/completions", async (c) => {
    const request = await readAsked(c, serving, "chat", () => askingOf(serving));
    const { engine, model } = servedAt(request.model, serving);
    const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: model.id };
    const asked = { serving, engine, request, head };
    return request.job.text ? stream(c, asked) : whole(c, asked);
  });
}

interface Head {
  id: string;
  created: number;
  model: string;
}

interface Asked extends Pick<Served, "engine"> {
  serving: Serving;
  request: ChatAsked;
  head: Head;
}

const usageOf = (beginning: Beginning | undefined, { tokenIds }: Description) => {
  const prompt = beginning?.promptTokens ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: tokenIds.length,
    total_tokens: prompt + tokenIds.length,
    prompt_tokens_details: { image_tokens: beginning?.imageTokens ?? 0 },
  };
};

/** What was done otherwise than asked, in the form of errors. */
function warningsOf({ askedLength, longest, fields }: ChatAsked, beginning: Beginning | undefined) {
  const length = beginning?.request.decode.genLength ?? askedLength;
  if (length >= askedLength) return {};
  const { genLength: param } = fields;
  const why =
    longest !== undefined && askedLength > longest
      ? `is more than the ${longest} tokens of this server's longest answer`
      : `does not fit behind a prompt of ${beginning?.promptTokens} tokens`;
  const message = `${param} ${askedLength} ${why}; the answer's length was cut to ${length}`;
  return { warnings: [{ message, param, code: "length_cut" }] };
}

/** Words of the question that the model cannot read, where there are any. */
const unreadOf = ({ unread }: Description) => (unread.length > 0 ? { unread } : {});

const reasonOf = ({ stopped }: Description) => (stopped ? "stop" : "length");

function submit(
  c: Context<AppEnv>,
  { engine, serving, request: { job, media, fields } }: Asked,
  client: AbortController,
  listeners: {
    onBegun: (beginning: Beginning) => void;
    onText?: (text: string) => void;
    onTrace?: (step: TraceStep) => void;
    onLayers?: (progress: PassProgress) => void;
  },
): Promise<Description> {
  const answer = engine.submit({
    job,
    client: c.get("client"),
    signal: client.signal,
    visuals: mediaReading(media, job.asked.options, serving.media),
    ...listeners,
  });
  return inFields(chatSpelling(fields), answer);
}

async function whole(c: Context<AppEnv>, asked: Asked) {
  const { serving, request, head } = asked;
  const client = clientSignal(c);
  let beginning: Beginning | undefined;
  const trace: TraceEvent[] = [];
  const result = await serving.metrics.timed("chat", () =>
    submit(c, asked, client, {
      onBegun(begun) {
        beginning = begun;
        trace.push(traceStart(begun));
      },
      onTrace: (step) => trace.push(step),
    }),
  );
  trace.push(traceEnd(result));
  const message = { role: "assistant", content: result.text, refusal: null };
  return c.json({
    ...head,
    object: "chat.completion",
    choices: [{ index: 0, message, logprobs: null, finish_reason: reasonOf(result) }],
    usage: usageOf(beginning, result),
    ...warningsOf(request, beginning),
    ...unreadOf(result),
    ...namedApproximations(result),
    ...(request.job.trace && { diffusion: trace }),
  });
}

/** What goes wrong before the first forward pass is an answer with its own status; afterwards it is an event. */
async function stream(c: Context<AppEnv>, asked: Asked) {
  const { serving, request, head } = asked;
  const client = clientSignal(c);
  const events = eventStream(() => client.abort());
  const { includeUsage } = request;
  const chunk = (choices: unknown[], extra: object = {}) =>
    events.send({ ...head, object: "chat.completion.chunk", choices, ...(includeUsage && { usage: null }), ...extra });
  const choice = (content: object, reason: string | null) => ({
    index: 0,
    delta: content,
    logprobs: null,
    finish_reason: reason,
  });
  const delta = (content: object) => chunk([choice(content, null)]);
  const diffusion = (value: TraceEvent) => request.job.trace && chunk([], { diffusion: value });

  let beginning: Beginning | undefined;
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const result = serving.metrics.timed("chat", () =>
    submit(c, asked, client, {
      onBegun(now) {
        beginning = now;
        delta({ role: "assistant", content: "" });
        diffusion(traceStart(now));
        begin();
      },
      onText: (content) => delta({ content }),
      onTrace: diffusion,
      // Not before a first event: until then what goes wrong has a status of its own.
      onLayers: ({ part, done, total, seconds }) =>
        beginning && request.job.trace && chunk([], { progress: { part, layer: done, layers: total, seconds } }),
    }),
  );
  await Promise.race([begun, result]);

  result.then(
    (result) => {
      chunk([choice({}, reasonOf(result))], {
        ...warningsOf(request, beginning),
        ...unreadOf(result),
        ...namedApproximations(result),
      });
      diffusion(traceEnd(result));
      if (includeUsage) chunk([], { usage: usageOf(beginning, result) });
      events.end();
    },
    (error: unknown) => {
      if (!client.signal.aborted) events.send(toApiError(error, serving.log).body);
      events.end({ done: false });
    },
  );
  return events.response;
}
