/** A body's bytes to what is asked: counted, decoded strictly, parsed, judged once by a schema and once by the models.
 *  Without state: small bodies are judged on the spot, large ones in a thread. */
import type { z } from "zod";
import { type PortableError, packError, unpackError } from "../../threads/portable-error.js";
import { ApiError, clip, type ErrorBody } from "../http/error-object.js";
import { type ChatAsked, chatAsked } from "../routes/chat-job.js";
import { type FillAsked, fillAsked } from "../routes/fill-job.js";
import { type RefineAsked, refineAsked } from "../routes/refine-job.js";
import { chatBody } from "../schemas/chat-body.js";
import { fillBody, refineBody } from "../schemas/text-bodies.js";
import type { Asking } from "./asking.js";
import { dropNulls } from "./given-fields.js";
import { BODY_LIMITS, JsonBounds } from "./json-bounds.js";
import { schemaError } from "./schema-error.js";

export interface AskedBy {
  chat: ChatAsked;
  refine: RefineAsked;
  fill: FillAsked;
}

export interface BodyJob<R extends keyof AskedBy = keyof AskedBy> {
  route: R;
  /** The body, in pieces. */
  pieces: readonly Uint8Array[];
  asking: Asking;
}

/** An answer of a thread. Errors are values: a thread's own keep neither class nor fields. */
export type Judgement = { asked: AskedBy[keyof AskedBy] } | { refused: PortableRefusal };

type PortableRefusal = { api: { status: number; body: ErrorBody; headers: Record<string, string> } } | PortableError;

const judges: { [R in keyof AskedBy]: (text: string, asking: Asking) => AskedBy[R] } = {
  chat: (text, asking) => chatAsked(parseBody(text, chatBody), asking),
  refine: (text, asking) => refineAsked(parseBody(text, refineBody), asking),
  fill: (text, asking) => fillAsked(parseBody(text, fillBody), asking),
};

/** @throws ApiError for a body too large in depth or number, broken UTF-8 or JSON, or one that the schema refuses;
 *  OptionError for texts that never fit */
export function judgeBody<R extends keyof AskedBy>({ route, pieces, asking }: BodyJob<R>): AskedBy[R] {
  return judges[route](textOf(pieces), asking);
}

export function packRefusal(error: unknown): PortableRefusal {
  if (!(error instanceof ApiError)) return packError(error);
  const { status, body, headers } = error;
  return { api: { status, body, headers } };
}

export function unpackRefusal(refused: PortableRefusal): Error {
  if (!("api" in refused)) return unpackError(refused);
  const { status, body, headers } = refused.api;
  const { message, type, param, code } = body.error;
  return new ApiError(status, message, { type, param: param ?? undefined, headers, ...(code !== null && { code }) });
}

/** @throws ApiError for a body too large in depth or number, compressed, or in broken UTF-8 */
export function textOf(pieces: readonly Uint8Array[]): string {
  const bounds = new JsonBounds(BODY_LIMITS);
  for (const piece of pieces) {
    const excess = bounds.take(piece);
    if (excess !== undefined) throw new ApiError(400, `the body is not accepted: ${excess}`, { code: "invalid_json" });
  }
  const bytes = Buffer.concat(pieces);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b)
    throw new ApiError(400, "the body is compressed (gzip); send it uncompressed, as JSON", { code: "invalid_json" });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ApiError(400, "the body is not valid UTF-8", { code: "invalid_json", cause });
  }
}

export function parseBody<S extends z.ZodObject>(text: string, schema: S): z.output<S> {
  if (text.trim() === "") throw new ApiError(400, "the body is empty; expected JSON", { code: "invalid_json" });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? clip(cause.message) : "";
    throw new ApiError(400, `the body is not JSON: ${why}`, { code: "invalid_json", cause });
  }
  dropNulls(value);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw schemaError(parsed.error, value, Object.keys(schema.shape));
  return parsed.data;
}
