/** A request's body: counted while it comes, decoded strictly, judged once by a schema. */
import type { Context } from "hono";
import type { z } from "zod";
import { ApiError } from "./error-object.js";

/** @throws ApiError for a wrong type, a body too large, broken UTF-8 or JSON, or one that the schema refuses */
export async function readJson<S extends z.ZodType>(c: Context, limit: number, schema: S): Promise<z.output<S>> {
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type))
    throw new ApiError(415, `expected content-type application/json, got ${type === "" ? "none" : `"${clip(type)}"`}`, {
      code: "unsupported_media_type",
    });
  const declared = Number(c.req.header("content-length") ?? 0);
  if (declared > limit) throw tooLarge(limit);
  return parseBody(await readText(c.req.raw.body, limit), schema);
}

async function readText(body: ReadableStream<Uint8Array> | null, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // Breaking off cancels the stream.
    for await (const chunk of body ?? []) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new ApiError(400, "the body was cut off", { code: "invalid_json", cause }); // the client has gone
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks, size));
  } catch (cause) {
    throw new ApiError(400, "the body is not valid UTF-8", { code: "invalid_json", cause });
  }
}

export function parseBody<S extends z.ZodType>(text: string, schema: S): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? clip(cause.message) : "";
    throw new ApiError(400, `the body is not JSON: ${why}`, { code: "invalid_json", cause });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw schemaError(parsed.error);
  return parsed.data;
}

/** The first thing that is wrong, with OpenAI's notation for where: "messages[0].content". */
function schemaError(error: z.ZodError): ApiError {
  const issue = deepest(error.issues[0]);
  if (issue === undefined) return new ApiError(400, "the request is not valid");
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const param = pathText([...issue.path, key]);
    return new ApiError(400, `unknown field ${clip(param)}`, { param, code: "unknown_parameter" });
  }
  const param = pathText(issue.path);
  const code = issue.message.startsWith("not supported") ? "unsupported_parameter" : "invalid_value";
  return new ApiError(400, param === "" ? issue.message : `${clip(param)}: ${issue.message}`, {
    param: param === "" ? undefined : param,
    code,
  });
}

type Issue = z.core.$ZodIssue;

/** Of a union the alternative that came furthest: it says what is wrong in it rather than that nothing fits. */
function deepest(issue: Issue | undefined, path: PropertyKey[] = []): Issue | undefined {
  if (issue === undefined) return undefined;
  const here = { ...issue, path: [...path, ...issue.path] };
  if (issue.code !== "invalid_union") return here;
  const branches = issue.errors.map(([first]) => deepest(first, here.path)).filter((branch) => branch !== undefined);
  const best = branches.sort((a, b) => b.path.length - a.path.length)[0];
  return best !== undefined && best.path.length > here.path.length ? best : here;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${String(key)}`)).join("");
}

/** Messages repeat what came, but not megabytes of it. */
export function clip(text: string, length = 200): string {
  return text.length > length ? `${text.slice(0, length)}...` : text;
}

function tooLarge(limit: number): ApiError {
  return new ApiError(413, `the body is larger than ${limit} bytes`, {
    code: "body_too_large",
    headers: { connection: "close" },
  });
}
