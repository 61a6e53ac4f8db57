// Bodies that are sent at the same time, more of them than the server has memory for.

import { CHAT } from "../questions.mjs";
import { LIMITS } from "../server.mjs";
import { exchange, open, pause, post, requestOf } from "../wire.mjs";

const SIZE = 8 << 20;

/** @type {import("../kinds.mjs").Kind} */
export const manyBodies = {
  name: "many-bodies",
  title: "more bodies under way than memory for them",
  async attack({ target, tally }) {
    const body = Buffer.from(
      `{"messages":[{"role":"user","content":"a"}],"max_tokens":8,"user":"${"x".repeat(SIZE)}"}`,
    );
    const head = requestOf("POST", CHAT, {
      headers: { "content-type": "application/json", "content-length": String(body.length) },
    });
    const held = Array.from({ length: Math.ceil(LIMITS.bodies / SIZE) + 4 }, () => {
      const socket = open(target);
      socket.resume();
      socket.write(head);
      socket.write(body.subarray(0, SIZE - 1000));
      return socket;
    });
    await pause(600);
    // Small ones are not to suffer: what is left is a question of who comes first, so they may be refused.
    tally.judge(
      "a small request meanwhile",
      await post(target, CHAT, { messages: [{ role: "user", content: "a" }], max_tokens: 8 }),
      [200],
    );
    tally.judge("one more", await exchange(target, Buffer.concat([head, body])), [200]);
    for (const socket of held) {
      socket.destroy();
      tally.left();
    }
    await pause(100);
    tally.judge("afterwards", await exchange(target, Buffer.concat([head, body])), [200]);
  },
};
