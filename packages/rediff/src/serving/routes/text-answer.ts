/** Answers of /v1/refine and /v1/fill: at once, or step by step as server-sent events with the result in the last. */
import type { Context } from "hono";
import type { AnswerOfKind, Beginning } from "../../inference/answers.js";
import { traceStart } from "../../inference/trace.js";
import type { TraceEnd, TraceEvent, TraceStep } from "../../inference/trace-format.js";
import type { PassProgress } from "../../models/chain.js";
import type { AppEnv } from "../http/api-keys.js";
import { toApiError } from "../http/error-object.js";
import { eventStream } from "../http/sse.js";
import type { Serving } from "../route-context.js";
import { clientSignal } from "./client.js";

type TextKind = "refine" | "fill";

export interface TextListeners {
  onBegun: (beginning: Beginning) => void;
  onTrace: (step: TraceStep) => void;
  onLayers: (progress: PassProgress) => void;
}

interface TextAsked<K extends TextKind> {
  kind: K;
  serving: Serving;
  stream: boolean;
  /** Whether steps are told. */
  trace: boolean;
  submit: (signal: AbortSignal, listeners: TextListeners) => Promise<AnswerOfKind[K]>;
  end: (answer: AnswerOfKind[K], given: number) => TraceEnd;
  /** As JSON, without its steps. */
  body: (answer: AnswerOfKind[K]) => object;
}

export async function textAnswer<K extends TextKind>(c: Context<AppEnv>, asked: TextAsked<K>): Promise<Response> {
  return asked.stream ? await streamed(c, asked) : await whole(c, asked);
}

async function whole<K extends TextKind>(c: Context<AppEnv>, asked: TextAsked<K>): Promise<Response> {
  const { kind, serving, trace, submit, end, body } = asked;
  const diffusion: TraceEvent[] = [];
  let given = 0;
  const answer = await serving.metrics.timed(kind, () =>
    submit(clientSignal(c).signal, {
      onBegun(beginning) {
        given = beginning.given?.length ?? 0;
        diffusion.push(traceStart(beginning));
      },
      onTrace: (step) => diffusion.push(step),
      onLayers: () => undefined,
    }),
  );
  diffusion.push(end(answer, given));
  return c.json({ ...body(answer), ...(trace && { diffusion }) });
}

/** What goes wrong before the first forward pass is an answer with its own status; afterwards it is an event. */
async function streamed<K extends TextKind>(c: Context<AppEnv>, asked: TextAsked<K>): Promise<Response> {
  const { kind, serving, trace, submit, end, body } = asked;
  const client = clientSignal(c);
  const events = eventStream(() => client.abort());
  const told = (diffusion: TraceEvent) => trace && events.send({ diffusion });
  let given: number | undefined;
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const answering = serving.metrics.timed(kind, () =>
    submit(client.signal, {
      onBegun(beginning) {
        given = beginning.given?.length ?? 0;
        told(traceStart(beginning));
        begin();
      },
      onTrace: told,
      onLayers: ({ part, done, total, seconds }) =>
        given !== undefined && trace && events.send({ progress: { part, layer: done, layers: total, seconds } }),
    }),
  );
  await Promise.race([begun, answering]);
  answering.then(
    (answer) => {
      told(end(answer, given ?? 0));
      events.send({ result: body(answer) });
      events.end();
    },
    (error: unknown) => {
      if (!client.signal.aborted) events.send(toApiError(error, serving.log).body);
      events.end({ done: false });
    },
  );
  return events.response;
}
