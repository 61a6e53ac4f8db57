/** Bodies in chunks of a few bytes. Each chunk is a call of Node's parser, which runs to the end of what was read at once:
 *  in 64 KiB are 11,000 chunks of a byte, for which everybody waits. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { ApiError } from "./error-object.js";

/** A body may have so many chunks of any size, and beyond them one for so many of its bytes: a few milliseconds. */
const FREE_CHUNKS = 2048;
const BYTES_OF_CHUNK = 12;

const refusals = new WeakMap<Duplex, ApiError>();

/** Why a connection's parser was stopped in the middle of a body. */
export const refusalOfChunks = (socket: Duplex): ApiError | undefined => refusals.get(socket);

/** What a request emits, with the refusal, when no more of its body will come. */
export const TOO_FINE = Symbol("chunks too fine");

/** Counts a body's chunks, read or not. Where they are too fine, the parser stops: its error (HPE_PAUSED, with
 *  `refusalOfChunks`) is the next thing to happen to the connection. */
export function stopAtFineChunks(request: IncomingMessage): void {
  if (request.headers["transfer-encoding"] === undefined) return;
  const { socket, push } = request;
  let free = FREE_CHUNKS;
  request.push = (chunk: Buffer | null, encoding) => {
    if (chunk === null) return push.call(request, chunk, encoding);
    free += chunk.length / BYTES_OF_CHUNK - 1;
    if (free >= 0) return push.call(request, chunk, encoding);
    if (refusals.has(socket)) return false;
    const refusal = tooFine();
    refusals.set(socket, refusal);
    (socket as { parser?: { pause?(): void } }).parser?.pause?.();
    request.emit(TOO_FINE, refusal);
    return false;
  };
}

const tooFine = (): ApiError =>
  new ApiError(400, "the body comes in chunks of a few bytes; send larger ones, or its length beforehand", {
    code: "chunks_too_small",
    headers: { connection: "close" },
  });
