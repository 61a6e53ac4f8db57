/** OpenAI's error object, for everything that can go wrong, whoever's fault it is. */
import { inSnakeCase, OptionError, type Spelling, UserError } from "../../errors.js";
import { EngineError, type EngineProblem } from "../engine/engine-error.js";

export type ErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "not_found_error"
  | "rate_limit_error"
  | "server_error"
  | "service_unavailable_error";

export interface ErrorBody {
  error: { message: string; type: ErrorType; param: string | null; code: string | null };
}

export interface ApiErrorOptions {
  type?: ErrorType;
  param?: string | undefined;
  code?: string;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** Of messages and fields, which repeat what a request has: nobody gets megabytes back. */
const LONGEST = 1000;

/** An answer that is an error. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly headers: Record<string, string>;
  readonly body: ErrorBody;

  constructor(
    readonly status: number,
    message: string,
    options: ApiErrorOptions = {},
  ) {
    super(clip(message, LONGEST), { cause: options.cause });
    const { type = status >= 500 ? "server_error" : "invalid_request_error", param, code = null } = options;
    this.headers = options.headers ?? {};
    this.body = { error: { message: this.message, type, param: param == null ? null : clip(param), code } };
  }
}

const ENGINE_PROBLEMS: Record<EngineProblem, { status: number; type: ErrorType; code: string }> = {
  busy: { status: 429, type: "rate_limit_error", code: "queue_full" },
  loading: { status: 503, type: "service_unavailable_error", code: "model_loading" },
  draining: { status: 503, type: "service_unavailable_error", code: "shutting_down" },
  crashed: { status: 500, type: "server_error", code: "model_crashed" },
  failed: { status: 500, type: "server_error", code: "model_failed" },
};

/** Whatever was thrown, as an answer. Messages of our own mistakes stay inside; their stacks go to `log`. */
export function toApiError(error: unknown, log: (line: string) => void): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof OptionError) return fieldError(error);
  if (error instanceof UserError) return new ApiError(400, error.line, { cause: error });
  if (error instanceof EngineError) {
    const { status, type, code } = ENGINE_PROBLEMS[error.problem];
    if (error.problem === "failed") log(stackOf(error.cause ?? error));
    return new ApiError(status, error.message, {
      type,
      code,
      cause: error,
      headers: error.retryAfter === undefined ? {} : { "retry-after": String(error.retryAfter) },
    });
  }
  log(stackOf(error));
  return new ApiError(500, "internal error; the server's log has the details", { code: "internal", cause: error });
}

/** An option that cannot be, as the field that it came from: 400, so that clients do not ask again by themselves. @param spelling an option's field */
export function fieldError(error: OptionError, spelling: Spelling = inSnakeCase): ApiError {
  return new ApiError(400, error.spelled(spelling), {
    param: spelling(error.option),
    code: error.code,
    cause: error,
  });
}

/** Awaits an answer; options that cannot be are named by their fields. */
export async function inFields<T>(spelling: Spelling, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof OptionError ? fieldError(error, spelling) : error;
  }
}

/** Messages repeat what came, but not megabytes of it, and no half a character: some clients cannot print one. */
export function clip(text: string, length = 200): string {
  const short = text.length > length ? `${text.slice(0, length)}...` : text;
  return short.replace(/\p{Surrogate}/gu, "\ufffd");
}

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

export function errorResponse(error: ApiError): Response {
  return new Response(JSON.stringify(error.body), {
    status: error.status,
    headers: { "content-type": "application/json", ...error.headers },
  });
}
