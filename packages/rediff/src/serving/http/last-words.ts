/** The end of a connection whose client may still be sending: a body that nobody reads, or what is no HTTP.
 *
 *  Closed with bytes unread, a connection is reset, and the reset takes the answer along. Clients that send everything
 *  before they read would see a broken pipe in place of what is wrong. Closed on our side alone, it would stay for as long
 *  as its client likes. */
import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Context, MiddlewareHandler } from "hono";
import type { AppEnv } from "./api-keys.js";
import { PieceTurns } from "./piece-turns.js";

/** For which a client may go on sending behind its last answer. */
const LINGER_MS = 5000;

const turns = new PieceTurns();

/** By turns, as bodies that are read: a client may send gigabytes in its time. */
function discard(this: Duplex): void {
  this.pause();
  void turns.take().then(() => this.resume());
}

const ending = new WeakSet<Duplex>();

/** Says the last words and ends our side; throws away what comes until the client has ended its own, or the time is over. */
export function endPatiently(socket: Duplex, words = ""): void {
  if (socket.destroyed || ending.has(socket)) return;
  ending.add(socket);
  socket.end(words);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once("close", () => clearTimeout(timer));
  socket.resume();
  // Once Node has heard of that: its parser, which had the socket paused, starts the reading again.
  setImmediate(() => {
    // The first listener takes the bytes away from the parser, which would pile up those of a body.
    socket.on("data", discard);
    for (const other of socket.listeners("data")) if (other !== discard) socket.off("data", other as () => void);
  });
}

/** Node's way of ending a connection behind its last answer waits for nothing. */
export function endAllPatiently(server: Server): void {
  server.on("connection", (socket) => {
    socket.destroySoon = () => endPatiently(socket);
  });
}

/** What has not been sent to its end when its answer goes is not read: no further request can follow. */
export const closeBehindUnread: MiddlewareHandler<AppEnv> = async (c: Context<AppEnv>, next) => {
  await next();
  const incoming = c.env?.incoming;
  const hasBody = c.req.header("content-length") !== undefined || c.req.header("transfer-encoding") !== undefined;
  if (hasBody && incoming?.complete === false) c.res.headers.set("connection", "close");
};
