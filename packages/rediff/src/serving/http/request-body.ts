/** A request's body: counted while it comes, decoded strictly, judged once by a schema. */
import type { Context } from "hono";
import type { z } from "zod";
import type { AppEnv } from "./api-keys.js";
import type { BodyBudget } from "./body-budget.js";
import { ApiError, clip } from "./error-object.js";
import { dropNulls } from "./given-fields.js";
import { BODY_LIMITS, JsonBounds } from "./json-bounds.js";
import { schemaError } from "./schema-error.js";

export interface BodyLimits {
  /** Bytes of one. */
  bodyLimit: number;
  /** Of all together. */
  bodies: BodyBudget;
}

/** @throws ApiError for a wrong type, a body too large, broken UTF-8 or JSON, or one that the schema refuses */
export async function readJson<S extends z.ZodObject>(
  c: Context<AppEnv>,
  limits: BodyLimits,
  schema: S,
): Promise<z.output<S>> {
  assertHead(c, limits, /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i, "application/json");
  return parseBody(await readText(c, limits), schema);
}

/** A file as the body. Its type has to be one that pages of other origins cannot send unasked; what the file is, its bytes
 *  say. @throws ApiError for a wrong type, a body too large or none */
export async function readFileBody(c: Context<AppEnv>, limits: BodyLimits): Promise<Uint8Array> {
  assertHead(
    c,
    limits,
    /^(?:image\/[\w.+-]+|application\/octet-stream)\s*(?:;|$)/i,
    "image/* or application/octet-stream",
  );
  const bytes = await readBytes(c, limits);
  if (bytes.length === 0) throw new ApiError(400, "the body is empty; expected a file", { code: "empty_body" });
  return bytes;
}

function assertHead(c: Context<AppEnv>, { bodyLimit }: BodyLimits, types: RegExp, expected: string): void {
  const encoding = c.req.header("content-encoding") ?? "identity";
  if (!/^identity$/i.test(encoding))
    throw new ApiError(415, `content-encoding "${clip(encoding, 40)}" is not supported; send the body uncompressed`, {
      code: "unsupported_media_type",
    });
  const type = c.req.header("content-type") ?? "";
  if (!types.test(type))
    throw new ApiError(415, `expected content-type ${expected}, got ${type === "" ? "none" : `"${clip(type)}"`}`, {
      code: "unsupported_media_type",
    });
  const declared = Number(c.req.header("content-length") ?? 0);
  if (declared > bodyLimit) throw tooLarge(bodyLimit);
}

/** @param judge each piece as it comes; it may throw */
async function readBytes(
  c: Context<AppEnv>,
  { bodyLimit, bodies }: BodyLimits,
  judge?: (chunk: Uint8Array) => void,
): Promise<Buffer> {
  const lease = bodies.lease(c);
  if (/^100-continue$/i.test(c.req.header("expect") ?? "")) c.env?.outgoing?.writeContinue();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // Breaking off cancels the stream.
    for await (const chunk of c.req.raw.body ?? []) {
      size += chunk.length;
      if (size > bodyLimit) throw tooLarge(bodyLimit);
      lease.take(chunk.length);
      judge?.(chunk);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new ApiError(400, "the body was cut off", { code: "body_cut_off", cause }); // the client has gone
  } finally {
    lease.parsed();
  }
  return Buffer.concat(chunks, size);
}

async function readText(c: Context<AppEnv>, limits: BodyLimits): Promise<string> {
  const bounds = new JsonBounds(BODY_LIMITS);
  const bytes = await readBytes(c, limits, (chunk) => {
    const excess = bounds.take(chunk);
    if (excess !== undefined)
      throw new ApiError(400, `the body is not accepted: ${excess}`, {
        code: "invalid_json",
        headers: { connection: "close" },
      });
  });
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

function tooLarge(limit: number): ApiError {
  return new ApiError(413, `the body is larger than ${limit} bytes`, {
    code: "body_too_large",
    headers: { connection: "close" },
  });
}
