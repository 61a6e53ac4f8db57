/** A request's body, from the socket to what is asked. */
import type { IncomingMessage } from "node:http";
import { finished } from "node:stream";
import type { Context } from "hono";
import type { z } from "zod";
import type { Asking } from "../bodies/asking.js";
import type { BodyReader } from "../bodies/body-reader.js";
import { type AskedBy, parseBody, textOf } from "../bodies/judge-body.js";
import { clientSignal } from "../routes/client.js";
import type { AppEnv } from "./api-keys.js";
import type { BodyBudget } from "./body-budget.js";
import { ApiError, clip } from "./error-object.js";
import { refusalOfChunks, TOO_FINE } from "./fine-chunks.js";
import type { PieceTurns } from "./piece-turns.js";

export interface Bodies extends BodyBounds {
  reader: BodyReader;
}

export interface BodyBounds {
  /** Bytes of one. */
  bodyLimit: number;
  /** Bytes of all together. */
  bodies: BodyBudget;
  turns: PieceTurns;
}

/** @throws ApiError for a wrong type, a body too large, broken UTF-8 or JSON, or one that is refused; OptionError for
 *  texts that never fit */
export async function readAsked<R extends keyof AskedBy>(
  c: Context<AppEnv>,
  bodies: Bodies,
  route: R,
  asking: () => Asking,
): Promise<AskedBy[R]> {
  assertHead(c, bodies, JSON_TYPE, "application/json");
  const pieces = await readPieces(c, bodies);
  return bodies.reader.read(route, pieces, asking(), clientSignal(c).signal);
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/** Of a request that is no question for a model. */
const SMALL_BODY = 4096;

/** Such a request's body, which is judged on the spot. @throws ApiError as `readAsked` does */
export async function readJsonBody<S extends z.ZodObject>(
  c: Context<AppEnv>,
  bodies: BodyBounds,
  schema: S,
): Promise<z.output<S>> {
  const small = { ...bodies, bodyLimit: Math.min(SMALL_BODY, bodies.bodyLimit) };
  assertHead(c, small, JSON_TYPE, "application/json");
  return parseBody(textOf(await readPieces(c, small)), schema);
}

/** A file as the body. Its type has to be one that pages of other origins cannot send unasked; what the file is, its bytes
 *  say. @throws ApiError for a wrong type, a body too large or none */
export async function readFileBody(c: Context<AppEnv>, bodies: Bodies): Promise<Uint8Array> {
  assertHead(
    c,
    bodies,
    /^(?:image\/[\w.+-]+|application\/octet-stream)\s*(?:;|$)/i,
    "image/* or application/octet-stream",
  );
  const bytes = Buffer.concat(await readPieces(c, bodies));
  if (bytes.length === 0) throw new ApiError(400, "the body is empty; expected a file", { code: "empty_body" });
  return bytes;
}

function assertHead(c: Context<AppEnv>, { bodyLimit }: BodyBounds, types: RegExp, expected: string): void {
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

const PIECE_BYTES = 64 << 10;

/** The body in pieces that lie alone in their buffers, all full but the last. */
async function readPieces(c: Context<AppEnv>, { bodyLimit, bodies, turns }: BodyBounds): Promise<Uint8Array[]> {
  const lease = bodies.lease(c);
  if (/^100-continue$/i.test(c.req.header("expect") ?? "")) c.env?.outgoing?.writeContinue();
  const incoming = c.env?.incoming;
  const pieces = new Pieces();
  const add = (chunk: Uint8Array): Promise<void> | undefined => {
    if (pieces.size + chunk.length > bodyLimit) throw tooLarge(bodyLimit);
    lease.take(chunk.length);
    pieces.add(chunk);
    return pieces.size > PIECE_BYTES ? turns.take() : undefined;
  };
  try {
    if (incoming) await readAll(incoming, add);
    else for await (const chunk of c.req.raw.body ?? nothing()) await add(chunk);
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new ApiError(400, "the body was cut off", { code: "body_cut_off", cause }); // the client has gone
  } finally {
    lease.parsed();
  }
  return pieces.take();
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** With a listener, since an iterator's promises would have the microtasks run behind each chunk. Resolves at the stream's
 *  end. What comes after an error is thrown away: destroyed, the stream would take the answer with it, and paused, its
 *  socket would not be emptied (last-words.ts).
 *  @param add may throw, or return when it takes the next */
function readAll(stream: IncomingMessage, add: (chunk: Uint8Array) => Promise<void> | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let failed = false;
    finished(stream, { writable: false }, (error) => (error ? reject(error) : resolve()));
    const refusal = refusalOfChunks(stream.socket);
    if (refusal) return reject(refusal);
    stream.once(TOO_FINE, reject);
    stream.on("data", (chunk: Uint8Array) => {
      if (failed) return;
      try {
        const next = add(chunk);
        if (next === undefined) return;
        stream.pause();
        void next.then(() => stream.resume());
      } catch (error) {
        failed = true;
        reject(error as Error);
      }
    });
  });
}

/** Bytes put together, so that many small chunks take no more memory than a large one. */
class Pieces {
  readonly #pieces: Uint8Array[] = [];
  #last = new Uint8Array(0);
  #used = 0;
  size = 0;

  add(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#used === this.#last.length) this.#grow(chunk.length - at);
      const part = chunk.subarray(at, at + this.#last.length - this.#used);
      this.#last.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
    }
    this.size += chunk.length;
  }

  /** What was added. */
  take(): Uint8Array[] {
    if (this.#used < this.#last.length) this.#pieces[this.#pieces.length - 1] = this.#last.subarray(0, this.#used);
    return this.#pieces;
  }

  /** Most bodies come in one chunk: a piece as long as that. */
  #grow(bytes: number): void {
    this.#last = Buffer.allocUnsafeSlow(this.#pieces.length === 0 ? Math.min(bytes, PIECE_BYTES) : PIECE_BYTES);
    this.#pieces.push(this.#last);
    this.#used = 0;
  }
}

function tooLarge(limit: number): ApiError {
  return new ApiError(413, `the body is larger than ${limit} bytes`, {
    code: "body_too_large",
    headers: { connection: "close" },
  });
}
