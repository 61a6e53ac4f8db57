// More connections than the server has descriptors for.

import { ask, CHAT } from "../questions.mjs";
import { DESCRIPTORS } from "../server.mjs";
import { open, parseAnswers, pause, post } from "../wire.mjs";

/** @type {import("../kinds.mjs").Kind} */
export const connections = {
  name: "connections",
  title: "connections until descriptors run out",
  async attack({ target, tally }) {
    const sockets = Array.from({ length: DESCRIPTORS + 100 }, () => {
      const socket = open(target);
      let text = "";
      socket.on("data", (data) => {
        text += data.toString("latin1");
      });
      return { socket, text: () => text };
    });
    await pause(1000);
    const meanwhile = await post(target, CHAT, ask("What is here?"));
    if (meanwhile.answers.length > 0 || meanwhile.ended === "late")
      tally.judge("a request meanwhile", meanwhile, [200]);
    else tally.left();
    for (const { socket, text } of sockets) {
      const [answer] = parseAnswers(text());
      if (answer === undefined) tally.left();
      else tally.judgeAnswer("one connection too many", answer, [503]);
      socket.destroy();
    }
    await pause(200);
    tally.judge("afterwards", await post(target, CHAT, ask("What is here?")), [200]);
  },
};
