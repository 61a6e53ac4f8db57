/** Replies other than 2xx: what another try may mend, what is one draft's own fault, and what concerns every request. */
import { option, UserError, wording } from "../../errors.js";
import { retryAfterMs } from "../../network/retry-after.js";
import { TransientError } from "../../network/transient-error.js";
import { parseShallowJson } from "../../options/shallow-json.js";
import { isRecord } from "../formats/exact-json.js";
import type { HttpReply } from "./http-post.js";

/** The server does not take this request; it might take others. */
export class RejectedDraft extends Error {
  override readonly name = "RejectedDraft";
  constructor(
    message: string,
    /** The server says that picture or text are to blame, not the form of the request. */
    readonly blamesContent: boolean,
  ) {
    super(message);
  }
}

/** Whom we asked, for messages. */
export interface Asked {
  url: URL;
  model: string;
  apiKey?: string | undefined;
  apiKeyName: string;
  optionNames?: { url: string; model: string } | undefined;
}

/** Why the server did not answer. */
export function refusal(reply: HttpReply, { url, model, apiKey, apiKeyName, optionNames }: Asked): Error {
  const { status, headers } = reply;
  const { message, code } = errorOf(tryParse(reply.body) ?? reply.body);
  const said = message === undefined ? "" : `: ${message}`;
  const { host } = url;
  const names = optionNames ?? { url: "baseUrl", model: "modelName" };
  if (status === 402 || /insufficient_quota|billing/.test(code))
    return new UserError(`${host} asks for money (HTTP ${status})${said}`, "Top up the account, then run it again.");
  if ([408, 409, 425, 429].includes(status) || status >= 500) {
    const why = status === 429 ? "too many requests" : "trouble at the server";
    return new TransientError(`HTTP ${status}, ${why}${said}`, waitMs(headers));
  }
  if (status === 401) {
    return apiKey === undefined
      ? new UserError(`${host} asks for a key (HTTP 401)${said}`, `Put it into the environment variable ${apiKeyName}.`)
      : new UserError(
          `${host} refuses the key in ${apiKeyName} (HTTP 401)${said}`,
          "Check that it is valid and belongs to this server.",
        );
  }
  if (status === 403)
    return new UserError(
      `${host} forbids this request (HTTP 403)${said}`,
      `Check what the key in ${apiKeyName} may do, and whether it may use ${model}.`,
    );
  if (status === 404)
    return new UserError(
      `${host} has no model ${model}, or nothing at ${url.pathname} (HTTP 404)${said}`,
      wording`Check ${option(names.model)} and ${option(names.url)}, which mostly ends in /v1.`,
    );
  if (status === 413) return new RejectedDraft(`HTTP 413, the request is too large${said}`, true);
  if (status === 400 || status === 422) return new RejectedDraft(`HTTP ${status}${said}`, isAboutContent(code));
  if (status >= 300 && status < 400)
    return new UserError(
      `${host} sends requests elsewhere (HTTP ${status}, ${headers.location ?? "no address"})`,
      wording`Give that address as ${option(names.url)}.`,
    );
  return new UserError(`${host} refuses the request (HTTP ${status})${said}`, wording`Check ${option(names.url)}.`);
}

/** `invalid_image_url`, `image_parse_error`, `content_filter`, `content_policy_violation`, `unknown_image`; o-series models
 *  call a text that they will not think about `invalid_prompt`. */
const isAboutContent = (code: string): boolean => /image|content_(filter|policy)|invalid_prompt/.test(code);

/** OpenAI's error object, and what other servers have in its place. */
export function errorOf(value: unknown): { message?: string; code: string } {
  if (typeof value === "string") return { ...(value.trim() !== "" && { message: excerpt(value) }), code: "" };
  if (!isRecord(value)) return { code: "" };
  const error = value.error ?? value;
  if (!isRecord(error)) return errorOf(String(error));
  const message = error.message ?? error.detail;
  const code = [error.code, error.type].filter((word) => typeof word === "string").join(" ");
  return { ...(message !== undefined && { message: excerpt(textOf(message)) }), code };
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

function tryParse(text: string): unknown {
  try {
    return parseShallowJson(text);
  } catch {
    return undefined;
  }
}

/** How long the server wants us to wait: `retry-after-ms`, or Retry-After in seconds or as a date (RFC 9110). */
function waitMs(headers: HttpReply["headers"]): number | undefined {
  const exact = Number(headerOf(headers["retry-after-ms"]) ?? Number.NaN);
  if (Number.isFinite(exact)) return Math.max(0, exact);
  return retryAfterMs(headerOf(headers["retry-after"]), headerOf(headers.date));
}

export const headerOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;

/** A server's text, fit for one line. */
export const excerpt = (text: string): string => {
  const line = text.replace(/[^\x21-\x7e]+/g, " ").trim();
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
};
