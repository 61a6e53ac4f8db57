/** The API's description, made from the schemas that check the requests. */

import { readFileSync } from "node:fs";
import { z } from "zod";
import { quantizations } from "../models/quantization.js";
import { LARGEST_SIDE } from "./routes/pictures.js";
import { chatBody } from "./schemas/chat-body.js";
import { pullBody } from "./schemas/pull-body.js";
import { fillBody, refineBody } from "./schemas/text-bodies.js";

const schemaOf = (schema: z.ZodType) => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest;
};

const json = (schema: object) => ({ content: { "application/json": { schema } } });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const errors = (...statuses: number[]) =>
  Object.fromEntries(statuses.map((status) => [status, { description: ERRORS[status], ...json(ref("Error")) }]));

const ERRORS: Record<number, string> = {
  400: "The request is wrong: `param` names the field",
  401: "No API key, or an unknown one",
  403: "Not allowed by this server",
  404: "No such model",
  409: "Another pull is under way, or the model is served already",
  413: "The body is too large",
  415: "The body is of another type, or compressed",
  429: "The queue is full; Retry-After says for how long",
  500: "The model failed",
  503: "The model is loading, or the server shuts down",
};

const number = { type: "number" };
const text = { type: "string" };
const object = (properties: Record<string, object>) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
});

const EDITS = {
  type: "array",
  items: object({ start: number, end: number, from: text, to: text, confidence: number }),
  description: "start and end are UTF-16 units of the draft",
};
const unread = (what: string) => ({
  type: "array",
  items: object({ start: number, end: number, text }),
  description: `what the model cannot read; start and end are UTF-16 units of ${what}`,
});
const CACHE = {
  type: "object",
  properties: {
    kind: text,
    on: { type: "boolean" },
    bytes: number,
    full_passes: number,
    cached_passes: number,
    rows_computed: number,
    rows_kept: number,
    certified: { type: "boolean" },
  },
  required: ["kind", "on", "bytes", "full_passes", "cached_passes", "rows_computed", "rows_kept"],
  description: "what became of the cache that was asked for; on is false where there was no memory for it",
};
const FILE = { schema: { type: "string", contentMediaType: "application/octet-stream" } };
const BLANKS = { type: "array", items: object({ start: number, end: number, text }) };

const whole = { type: "integer" };
const list = (items: object) => ({ type: "array", items });
const event = (type: string, properties: Record<string, object>, further: Record<string, object> = {}) => {
  const schema = object({ type: { const: type }, ...properties });
  return { ...schema, properties: { ...schema.properties, ...further } };
};
const GIVEN = { position: whole, token: text, id: whole };

const APPROXIMATE = {
  approximate: { ...list(text), description: "names of the approximate options that were on; left out where none was" },
};

/** Reports of `diffusion_trace`, as inference/trace-format.ts has them. */
const TRACE = {
  TraceStart: event(
    "start",
    { gen_length: whole, steps: whole, mask: text, image_tokens: whole },
    { given: list(object(GIVEN)) },
  ),
  TraceStep: event(
    "step",
    {
      step: whole,
      block: whole,
      tokens: { ...list(whole), description: "ids of the whole answer after the pass, masks included" },
      confidence: { ...list({ type: ["number", "null"] }), description: "null where nothing was predicted" },
      filled: list(whole),
      revised: list(object({ position: whole, from: whole, to: whole })),
      changes: list(object({ ...GIVEN, confidence: number, kind: { enum: ["fill", "revise"] } })),
      seconds: number,
    },
    {
      request: { type: "object", description: "of the first step: every option as it was used" },
      given: { ...list(object(GIVEN)), description: "of the first step: tokens that were there from the start" },
    },
  ),
  TraceEnd: event(
    "end",
    {
      text,
      steps: whole,
      tokens: whole,
      edits: whole,
      seconds: number,
      stopped: { type: "boolean" },
    },
    APPROXIMATE,
  ),
};
const DIFFUSION = { diffusion: list({ oneOf: Object.keys(TRACE).map(ref) }) };

const QUANTIZE = {
  ...APPROXIMATE,
  quantize: { enum: [...quantizations], description: "the model's weights are rounded: approximate" },
};

const WARNINGS = {
  ...list(object({ message: text, param: text, code: text })),
  description: "What was done otherwise than asked: length_cut",
};

const PULL = object({
  id: text,
  object: { const: "rediff.pull" },
  model: text,
  created: whole,
  status: { enum: ["running", "done", "failed", "cancelled"] },
  bytes: { type: ["integer", "null"], description: "on disk, of all that is wanted" },
  total_bytes: { type: ["integer", "null"], description: "null until the hub has said what there is" },
  note: { type: ["string", "null"], description: "what is waited for, where something is" },
  error: { description: "of a pull that failed: as an error's, with code pull_failed" },
});

const post = (summary: string, body: string, responses: object) => ({
  post: {
    summary,
    requestBody: { required: true, ...json(ref(body)) },
    responses: { ...responses, ...errors(400, 401, 404, 413, 415, 429, 500, 503) },
  },
});
const get = (summary: string, schema: object) => ({
  get: { summary, responses: { 200: { description: "OK", ...json(schema) } } },
});

function describe() {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const chatResponse = {
    200: {
      description: "OpenAI's chat completion, or its chunks as server-sent events with `stream`",
      content: {
        "application/json": {
          schema: {
            type: "object",
            properties: {
              ...DIFFUSION,
              ...QUANTIZE,
              warnings: WARNINGS,
              unread: unread("the last question's text, its parts joined by line breaks"),
              cache: CACHE,
            },
            additionalProperties: true,
          },
        },
        "text/event-stream": { schema: text },
      },
    },
  };
  const streamable = (schema: object) => ({
    200: {
      description:
        "OK; with `stream` server-sent events: {diffusion} for every report of `diffusion_trace`, {progress} within a pass that takes long, and at the end {result}, which is the answer",
      content: { "application/json": { schema }, "text/event-stream": { schema: text } },
    },
  });
  const answer = (schema: object) => ({ 200: { description: "OK", ...json(schema) } });
  return {
    openapi: "3.1.0",
    info: { title: "rediff", version, description: "Vision-language diffusion models behind OpenAI's API" },
    paths: {
      "/v1/chat/completions": post("Answer a conversation", "ChatCompletionRequest", chatResponse),
      "/v1/refine": post(
        "Repair a text about a picture",
        "RefineRequest",
        streamable({
          allOf: [
            object({ text, edits: EDITS, unread: unread("the draft"), rounds: number, seconds: number, model: text }),
            {
              type: "object",
              properties: { ...DIFFUSION, ...QUANTIZE, prompt_unread: unread("the prompt"), cache: CACHE },
            },
          ],
        }),
      ),
      "/v1/fill": post(
        "Fill in the blanks of a text",
        "FillRequest",
        streamable({
          allOf: [
            object({ text, blanks: BLANKS, unread: unread("the text"), steps: number, seconds: number, model: text }),
            {
              type: "object",
              properties: { ...DIFFUSION, ...QUANTIZE, prompt_unread: unread("the prompt"), cache: CACHE },
            },
          ],
        }),
      ),
      "/v1/pictures": {
        post: {
          summary: "A picture file as an upright PNG or JPEG, for browsers that cannot show it",
          parameters: [
            {
              name: "max_side",
              in: "query",
              description: "pixels of the longer side at most; default as it is",
              schema: { type: "integer", minimum: 1, maximum: LARGEST_SIDE },
            },
          ],
          requestBody: { required: true, content: { "image/*": FILE, "application/octet-stream": FILE } },
          responses: {
            ...answer(
              object({ url: text, width: whole, height: whole, original: object({ width: whole, height: whole }) }),
            ),
            ...errors(400, 401, 413, 415, 429),
          },
        },
      },
      "/v1/models": get(
        "The served models",
        object({ object: text, data: { type: "array", items: { type: "object" } } }),
      ),
      "/v1/pulls": {
        get: {
          summary: "Models that are added: the pull under way and the last ones, newest first",
          responses: { ...answer(object({ object: text, data: list(ref("Pull")) })), ...errors(401, 403) },
        },
        post: {
          summary: "Pull a model from the hub, to serve it beside the others (--allow-pull)",
          requestBody: { required: true, ...json(ref("PullRequest")) },
          responses: {
            202: { description: "It has begun", ...json(ref("Pull")) },
            ...errors(400, 401, 403, 409, 413, 415, 503),
          },
        },
      },
      "/v1/pulls/{id}/cancel": {
        post: {
          summary: "Give up a pull; what has come is kept for the next one",
          parameters: [{ name: "id", in: "path", required: true, description: "of the pull", schema: text }],
          responses: { ...answer(ref("Pull")), ...errors(401, 403, 404) },
        },
      },
      "/health": get("The server lives", object({ status: text })),
      "/ready": get("The model answers; 503 while it does not", object({ status: text, model: text })),
      "/metrics": {
        get: {
          summary: "Prometheus",
          responses: { 200: { description: "OK", content: { "text/plain": { schema: text } } } },
        },
      },
    },
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: {
        ChatCompletionRequest: schemaOf(chatBody),
        RefineRequest: schemaOf(refineBody),
        FillRequest: schemaOf(fillBody),
        PullRequest: schemaOf(pullBody),
        Pull: PULL,
        ...TRACE,
        Error: object({
          error: object({
            message: text,
            type: text,
            param: { type: ["string", "null"] },
            code: { type: ["string", "null"] },
          }),
        }),
      },
    },
    security: [{}, { key: [] }],
  };
}

let described: ReturnType<typeof describe> | undefined;

export function openApi(): ReturnType<typeof describe> {
  described ??= describe();
  return described;
}
