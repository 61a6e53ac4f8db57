/** One request to a hub: token, redirects, silence, refusals. What is worth another try is told apart from what is not.
 *
 *  Redirects are followed here rather than by `fetch`, so that it is plain to see that the token goes to the hub's own
 *  origin and nowhere else (large files are served by signed addresses of another host). */
import { UserError } from "../errors.js";
import { retryAfterMs } from "../network/retry-after.js";
import { TransientError } from "../network/transient-error.js";
import { parseShallowJson } from "../options/shallow-json.js";
import type { HubSettings } from "./hub-settings.js";

export interface RequestOptions {
  method?: "GET" | "HEAD";
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Answers other than 2xx that the caller wants to see. */
  accept?: readonly number[];
  /** Return the redirect that leaves the hub instead of following it: the hub's headers describe the file. */
  stayOnHub?: boolean;
}

/** What a request is about, for messages. */
export interface Subject {
  id: string;
  revision: string;
  file?: string;
}

const MAX_REDIRECTS = 10;
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const READ_AHEAD_BYTES = 8 * 1024 * 1024;

/** Sends the request and follows redirects. Throws TransientError or UserError for anything but success. */
export async function request(
  hub: HubSettings,
  address: string,
  subject: Subject,
  options: RequestOptions = {},
): Promise<Response> {
  let url: URL = new URL(address);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await send(hub, url, options);
    const location = isRedirect(response.status) ? response.headers.get("location") : null;
    if (location === null || !URL.canParse(location, url.href)) {
      if (response.ok || options.accept?.includes(response.status)) return response;
      await discard(response);
      throw refusal(response, hub, subject);
    }
    await discard(response);
    const next = new URL(location, url);
    if (options.stayOnHub && next.origin !== new URL(hub.endpoint).origin) return response;
    if (url.protocol === "https:" && next.protocol !== "https:") {
      throw new UserError(`${url.host} redirects to the unprotected ${next.origin}`, "Check HF_ENDPOINT.");
    }
    url = next;
  }
  throw new UserError(`${hub.endpoint} redirects in circles`, "Check HF_ENDPOINT.");
}

/** The reply as a value; its shape is the caller's to check. */
export async function readJson(response: Response, hub: HubSettings, signal?: AbortSignal): Promise<unknown> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of bodyPieces(response, hub.timeoutMs, signal)) {
    bytes += piece.byteLength;
    if (bytes > MAX_JSON_BYTES) throw new UserError(`${hub.endpoint} sends a list without end`, "Check HF_ENDPOINT.");
    pieces.push(piece);
  }
  try {
    return parseShallowJson(Buffer.concat(pieces).toString("utf8"));
  } catch {
    throw new UserError(
      `${hub.endpoint} answered with something that is not JSON`,
      "Check HF_ENDPOINT and whether a proxy or a login page stands between.",
    );
  }
}

/** The body, piece by piece; a silence longer than `timeoutMs` or a broken connection is a TransientError, thrown after
 *  every piece that came before it. Reads ahead of a slow consumer: a stream that fails throws away what it has queued,
 *  so the queue is kept here; it also lets the network and the disk work at the same time. */
export async function* bodyPieces(
  response: Response,
  timeoutMs: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let end: { error?: unknown } | undefined;
  let isStopped = false;
  // Resolves the promise that one of the two sides waits for.
  let wake = () => {};
  const change = () => new Promise<void>((resolve) => (wake = resolve));

  const readAhead = async () => {
    while (!isStopped) {
      while (queuedBytes > READ_AHEAD_BYTES && !isStopped) await change();
      const piece = await withTimeout(reader.read(), timeoutMs, signal);
      if (piece.done) break;
      queue.push(piece.value);
      queuedBytes += piece.value.byteLength;
      wake();
    }
  };
  readAhead().then(
    () => {
      end = {};
      wake();
    },
    (error: unknown) => {
      end = { error: transportError(error, signal) };
      wake();
    },
  );

  try {
    while (true) {
      const piece = queue.shift();
      if (piece !== undefined) {
        queuedBytes -= piece.byteLength;
        wake();
        yield piece;
      } else if (end === undefined) {
        await change();
      } else if (end.error !== undefined) {
        throw end.error;
      } else {
        return;
      }
    }
  } finally {
    isStopped = true;
    wake();
    // Also closes the connection when the consumer stops early or the server has gone silent.
    reader.cancel().catch(() => {});
  }
}

/** Reads nothing more of the body and lets the connection go. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

async function send(hub: HubSettings, url: URL, options: RequestOptions): Promise<Response> {
  options.signal?.throwIfAborted();
  const headers: Record<string, string> = {
    // Byte ranges of a compressed body mean nothing.
    "accept-encoding": "identity",
    "user-agent": `rediff; node/${process.versions.node}`,
    ...options.headers,
  };
  if (hub.token !== undefined && url.origin === new URL(hub.endpoint).origin) {
    headers.authorization = `Bearer ${hub.token}`;
  }
  const abort = new AbortController();
  const forward = () => abort.abort(options.signal?.reason);
  options.signal?.addEventListener("abort", forward);
  const timer = setTimeout(() => abort.abort(silence(hub.timeoutMs)), hub.timeoutMs);
  try {
    return await fetch(url, { method: options.method ?? "GET", headers, redirect: "manual", signal: abort.signal });
  } catch (error) {
    throw transportError(error, options.signal, url);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", forward);
  }
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number, signal?: AbortSignal): Promise<T> {
  // It may fail when nobody waits for it any more.
  work.catch(() => {});
  signal?.throwIfAborted();
  let cleanUp = () => {};
  const limit = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(silence(timeoutMs)), timeoutMs);
    const stop = () => reject(signal?.reason);
    signal?.addEventListener("abort", stop);
    cleanUp = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    };
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    cleanUp();
  }
}

function silence(timeoutMs: number): TransientError {
  return new TransientError(`nothing came for ${timeoutMs / 1000} s`);
}

/** fetch reports every trouble of the network as a TypeError whose cause has the code. */
function transportError(error: unknown, signal: AbortSignal | undefined, url?: URL): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof TransientError || error instanceof UserError) return error;
  if (!(error instanceof Error)) return error;
  const cause = error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException) : undefined;
  const code = cause?.code ?? (error as NodeJS.ErrnoException).code ?? "";
  const at = url ? ` by ${url.host}` : "";
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL/.test(code)) {
    return new UserError(
      `the certificate of ${url?.host ?? "the server"} cannot be trusted (${code})`,
      "Behind a company's proxy set NODE_EXTRA_CA_CERTS to its certificate.",
    );
  }
  if (code === "ECONNREFUSED") return new TransientError(`connection refused${at}`);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return new TransientError(`no address for ${url?.host ?? "host"}`);
  if (code === "ETIMEDOUT" || code === "UND_ERR_CONNECT_TIMEOUT") return new TransientError(`no connection${at}`);
  // Everything else that fetch throws here is a connection that broke: reset, closed early, malformed framing.
  if (error instanceof TypeError || code.startsWith("UND_ERR") || code.startsWith("E")) {
    // Node's own (ERR_...) are about its code.
    const told = code === "" || code.startsWith("ERR_") ? "" : ` (${code})`;
    return new TransientError(`connection closed early${told}`);
  }
  return error;
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** The hub says why in X-Error-Code; mirrors often do not, so the status alone must make sense too. */
function refusal(response: Response, hub: HubSettings, subject: Subject): Error {
  const { status, headers } = response;
  const code = headers.get("x-error-code");
  const page = `${hub.endpoint}/${subject.id}`;
  const asked = subject.file === undefined ? subject.id : `${subject.file} of ${subject.id}`;
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const why = status === 429 ? "too many requests" : "trouble at the server";
    return new TransientError(`HTTP ${status}, ${why}`, retryAfterMs(headers.get("retry-after"), headers.get("date")));
  }
  if (code === "GatedRepo") {
    return new UserError(
      `${asked} is gated (HTTP ${status}): its owner asks you to accept a licence`,
      hub.token === undefined
        ? `Accept it at ${page}, then set HF_TOKEN to a token of your account.`
        : `Accept it at ${page} with the account of your token (it may have to be granted), then try again.`,
    );
  }
  if (code === "RevisionNotFound") {
    return new UserError(`${subject.id} has no revision "${subject.revision}"`, `Its branches and tags: ${page}`);
  }
  if (code === "EntryNotFound" || (status === 404 && subject.file !== undefined)) {
    return new UserError(`${subject.id} has no file ${subject.file} at ${subject.revision}`, `Its files: ${page}`);
  }
  if (status === 401 || status === 403) {
    const refused = hub.token === undefined ? "without a token" : "with this token";
    return new UserError(
      `${asked} cannot be read ${refused} (HTTP ${status}): it is private, gated or misspelt`,
      hub.token === undefined
        ? `Check the name; if it is right, set HF_TOKEN and accept the licence, if there is one, at ${page}`
        : `Check the name, that HF_TOKEN is valid and may read it, and whether ${page} asks for a licence.`,
    );
  }
  if (status === 404) {
    const revision = subject.revision === "main" ? "" : ` with a revision "${subject.revision}"`;
    return new UserError(
      `${hub.endpoint} has no model ${subject.id}${revision} (HTTP 404)`,
      "Check the spelling; for a private model set HF_TOKEN.",
    );
  }
  const message = headers.get("x-error-message");
  return new UserError(
    `${hub.endpoint} refused ${asked} with HTTP ${status}${message ? `: ${oneLine(message)}` : ""}`,
    "Check HF_ENDPOINT and the name.",
  );
}

/** A server's text, fit for one line of a terminal. */
function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, " ").slice(0, 200);
}
