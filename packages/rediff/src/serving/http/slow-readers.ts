/** Clients that are slow to take their answers, or take nothing. */
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Ends connections whose client takes nothing of what waits for it, whatever it sends meanwhile, and those that nobody
 *  uses. Waiting for the model is no idling. */
export function dropSlowReaders(server: Server, seconds: number): void {
  const waiting = new Map<Socket, { response: ServerResponse; untaken: number; since: number }>();
  // Those of a pipeline that has not come to its last answer: that one will never close.
  server.on("connection", (socket: Socket) => socket.once("close", () => waiting.delete(socket)));
  server.on("request", ({ socket }, response) => {
    if (socket.destroyed) return;
    waiting.set(socket, { response, untaken: 0, since: performance.now() });
    // Of several in a pipeline the last one ends the waiting.
    response.once("close", () => waiting.get(socket)?.response === response && waiting.delete(socket));
  });
  const judge = setInterval(
    () => {
      const now = performance.now();
      for (const [socket, { response, untaken: before, since }] of waiting) {
        const untaken = untakenBytes(socket);
        if (untaken === 0 || untaken !== before) waiting.set(socket, { response, untaken, since: now });
        else if (now - since >= seconds * 1000) socket.destroy();
      }
    },
    Math.min(1000, seconds * 250),
  ).unref();
  server.once("close", () => clearInterval(judge));
  // Node's timer runs anew whenever bytes have moved.
  server.timeout = seconds * 1000;
  server.on("timeout", (socket) => {
    if (!waiting.has(socket)) socket.destroy();
  });
}

/** Written, and not taken by the other side. What Node tells in public moves by whole writes, which may be megabytes; by
 *  the handle's figure Node itself judges whether a socket is idle. */
function untakenBytes(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? socket.writableLength;
}
