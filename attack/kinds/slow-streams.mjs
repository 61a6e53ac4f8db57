// Many streams at once whose readers take their time.

import { CAPTION, CHAT } from "../questions.mjs";
import { open, parseAnswers, pause, requestOf } from "../wire.mjs";

/** @type {import("../kinds.mjs").Kind} */
export const slowStreams = {
  name: "slow-streams",
  title: "streams that are read slowly",
  async attack({ target, random, tally }) {
    const read = async () => {
      const socket = open(target).pause();
      let text = "";
      socket.on("data", (data) => {
        text += data.toString("latin1");
      });
      const ended = new Promise((resolve) => socket.once("close", resolve).once("end", resolve));
      socket.write(requestOf("POST", CHAT, { body: JSON.stringify(CAPTION) }));
      for (let i = 0; i < 8; i++) {
        await pause(random.between(20, 120));
        socket.resume();
        await pause(1);
        socket.pause();
      }
      socket.resume();
      await Promise.race([ended, pause(30_000)]);
      socket.destroy();
      const [answer] = parseAnswers(text);
      if (answer?.status === 200 && !answer.text.endsWith("data: [DONE]\n\n")) {
        tally.tried++;
        tally.fail(`a stream that was read slowly ended with ${answer.text.slice(-100)}`);
      } else
        tally.judge(
          "a stream that is read slowly",
          { answers: answer ? [answer] : [], ended: "closed", raw: text },
          [200],
        );
    };
    await Promise.all(Array.from({ length: 10 }, read));
  },
};
