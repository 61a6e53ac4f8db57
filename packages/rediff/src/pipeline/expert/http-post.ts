/** A POST over HTTP/1.1: the whole request, the whole reply.
 *
 *  Not `fetch`: Node's gives up by itself when no header has come for 300 s, and a thinking model on a slow machine may
 *  take longer. Redirects are not followed, so the key goes where it was meant to go and nowhere else. */
import { isUtf8 } from "node:buffer";
import { Agent, type ClientRequest, type IncomingHttpHeaders, request as plainRequest } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { UserError } from "../../errors.js";
import { TransientError } from "../../network/transient-error.js";

export interface HttpReply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Nothing was sent: there was no connection. */
export class Unreachable extends TransientError {}

/** The request went out, and no reply came that can be used. The server may have done the work, and may bill it. */
export class LostReply extends TransientError {}

export interface PostOptions {
  headers: Record<string, string>;
  /** For all of it, from the connection to the end of the reply. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** Owns connections that are kept between requests: `close()` it. */
export interface HttpPoster {
  /** @throws Unreachable, LostReply; UserError for a certificate that cannot be trusted; the signal's reason */
  post(body: string, options: PostOptions): Promise<HttpReply>;
  close(): void;
}

const MAX_REPLY_BYTES = 16 << 20;

export function openPoster(url: URL): HttpPoster {
  const isSecure = url.protocol === "https:";
  const agent = isSecure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const request = isSecure ? secureRequest : plainRequest;
  return {
    async post(text, { headers, timeoutMs, signal }) {
      signal.throwIfAborted();
      const body = Buffer.from(text);
      const outgoing = request(url, {
        method: "POST",
        agent,
        signal,
        headers: { ...headers, "content-type": "application/json", "content-length": body.length },
      });
      const isSent = watchConnection(outgoing, isSecure);
      const timer = setTimeout(() => {
        const Trouble = isSent() ? LostReply : Unreachable;
        outgoing.destroy(new Trouble(`no answer within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      try {
        return await reply(outgoing, body);
      } catch (error) {
        signal.throwIfAborted();
        throw translate(error, url, isSent());
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => agent.destroy(),
  };
}

function watchConnection(outgoing: ClientRequest, isSecure: boolean): () => boolean {
  let isConnected = false;
  outgoing.on("socket", (socket) => {
    if (socket.connecting) socket.once(isSecure ? "secureConnect" : "connect", () => (isConnected = true));
    else isConnected = true;
  });
  return () => isConnected;
}

function reply(outgoing: ClientRequest, body: Buffer): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      incoming.on("error", reject);
      incoming.on("data", (piece: Buffer) => {
        bytes += piece.length;
        pieces.push(piece);
        if (bytes > MAX_REPLY_BYTES) outgoing.destroy(new LostReply("an answer without end"));
      });
      incoming.on("end", () => {
        const answer = Buffer.concat(pieces);
        // Its texts are learnt: a replacement character would be, too.
        if (!isUtf8(answer)) return reject(new LostReply("an answer that is not UTF-8"));
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: answer.toString() });
      });
      // A connection that is cut in the middle ends without "end".
      incoming.on("close", () => reject(new LostReply("the connection was cut in the middle of the answer")));
    });
    outgoing.end(body);
  });
}

function translate(error: unknown, url: URL, isSent: boolean): unknown {
  if (!(error instanceof Error) || error instanceof TransientError) return error;
  const code = "code" in error ? String(error.code) : "";
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL/.test(code)) {
    return new UserError(
      `the certificate of ${url.host} cannot be trusted (${code})`,
      "Behind a company's proxy set NODE_EXTRA_CA_CERTS to its certificate.",
    );
  }
  if (code === "ECONNREFUSED") return new Unreachable(`connection refused by ${url.host}`);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return new Unreachable(`no address for ${url.hostname}`);
  if (!isSent) return new Unreachable(`no connection to ${url.host} (${code || error.message})`);
  return new LostReply(`the connection was cut${code ? ` (${code})` : ""}`);
}
