// Clients that read nothing, or send a byte now and then. The server sends them away.

import { CAPTION, CHAT } from "../questions.mjs";
import { LIMITS } from "../server.mjs";
import { codeOf } from "../tally.mjs";
import { exchange, open, parseAnswers, pause, requestOf } from "../wire.mjs";

/** @typedef {import("../kinds.mjs").Attack} Attack */

const PATIENCE_MS = 1000 * (LIMITS.requestSeconds + 6);

/** A request whose end never comes. @param {Attack} attack @param {string} what @param {Uint8Array} start @param {string} byte */
async function trickle({ target, tally }, what, start, byte) {
  const socket = open(target);
  let text = "";
  socket.on("data", (data) => {
    text += data.toString("latin1");
  });
  socket.write(start);
  const timer = setInterval(() => socket.write(byte), 200);
  const closed = await Promise.race([closeOf(socket), pause(PATIENCE_MS)]);
  clearInterval(timer);
  socket.destroy();
  const answer = parseAnswers(text).at(-1);
  if (closed !== "closed") tally.fail(`${what}: still there after ${PATIENCE_MS / 1000} s`);
  if (answer?.status === 408 && codeOf(answer.text) === undefined) tally.fail(`${what}: 408, not in the API's form`);
  tally.left();
}

/** Takes nothing of what comes, and is dropped, unless all of it has found room on the way.
 *  @param {Attack} attack @param {string} what @param {Uint8Array} bytes @param {{ sends: boolean, answers: number }} how */
async function readNothing({ target, tally }, what, bytes, { sends, answers }) {
  const socket = open(target).pause();
  const closed = closeOf(socket);
  let text = "";
  socket.on("data", (data) => {
    text += data.toString("latin1");
  });
  socket.pause().write(bytes);
  const timer = setInterval(() => sends && socket.write("\r\n"), 300);
  // A paused socket is not told of the end: writing to what has been reset is.
  await pause(1000 * (LIMITS.writeSeconds + 3));
  clearInterval(timer);
  socket.resume();
  const isOver = () => parseAnswers(text).length >= answers;
  for (let i = 0; i < 20 && !socket.destroyed && !isOver(); i++) await Promise.race([closed, pause(1000)]);
  if (!socket.destroyed && !isOver()) tally.fail(`${what}: still there`);
  socket.destroy();
  tally.left();
}

/** @param {import("node:net").Socket} socket @returns {Promise<"closed">} */
const closeOf = (socket) => new Promise((resolve) => socket.once("close", () => resolve("closed")));

/** @type {import("../kinds.mjs").Kind} */
export const slowClients = {
  name: "slow-clients",
  title: "clients that read nothing, or send a byte now and then",
  async attack(attack) {
    const { target, tally } = attack;
    const body = Buffer.from(JSON.stringify(CAPTION));
    const caption = requestOf("POST", CHAT, { body, headers: { connection: "keep-alive" } });
    const unended = requestOf("POST", CHAT, {
      headers: { "content-type": "application/json", "content-length": "100000" },
    });
    const much = requestOf("GET", "/openapi.json", { headers: { connection: "keep-alive" } });
    await Promise.all([
      ...Array.from({ length: 4 }, () => trickle(attack, "a body, a byte at a time", unended, " ")),
      ...Array.from({ length: 4 }, () =>
        trickle(
          attack,
          "headers, a byte at a time",
          Buffer.from("GET /health HTTP/1.1\r\nhost: localhost\r\nx-a: "),
          "a",
        ),
      ),
      ...Array.from({ length: 4 }, () => trickle(attack, "nothing but line ends", Buffer.from("\r\n"), "\r\n")),
      ...Array.from({ length: 3 }, () =>
        readNothing(attack, "a stream that nobody reads", caption, { sends: false, answers: 1 }),
      ),
      ...Array.from({ length: 3 }, () =>
        readNothing(attack, "many answers that nobody reads", Buffer.concat(Array(1000).fill(much)), {
          sends: true,
          answers: 1000,
        }),
      ),
      // Slow, but within what is allowed.
      exchange(target, requestOf("GET", "/openapi.json")).then((answer) => tally.judge("who reads", answer, [200])),
    ]);
  },
};
