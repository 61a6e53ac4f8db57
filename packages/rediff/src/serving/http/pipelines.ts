/** Requests that a client sends without waiting for answers. Their answers leave one after the other anyway, so they are
 *  worked on one after the other, one in a round of the event loop: a packet has room for hundreds of them. */
import type { RequestListener } from "node:http";
import type { Socket } from "node:net";

/** Beyond so many that wait, no more are read. */
const MOST_WAITING = 16;

export function oneByOne(answer: RequestListener): RequestListener {
  const lines = new WeakMap<Socket, (() => void)[]>();
  const following = (socket: Socket) => {
    const line = lines.get(socket);
    const begin = socket.destroyed ? undefined : line?.shift();
    if (begin === undefined) lines.delete(socket);
    else setImmediate(begin);
    if (line?.length === 0) socket.resume();
  };
  return (request, response) => {
    const { socket } = request;
    const begin = () => {
      response.once("close", () => following(socket));
      answer(request, response);
    };
    const line = lines.get(socket);
    if (line === undefined) {
      lines.set(socket, []);
      begin();
    } else if (line.push(begin) > MOST_WAITING) socket.pause();
  };
}
