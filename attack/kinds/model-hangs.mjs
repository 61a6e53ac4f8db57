// A model's process that is there and does nothing.

import { ask, CHAT } from "../questions.mjs";
import { pause, post } from "../wire.mjs";

/** @type {import("../kinds.mjs").Kind} */
export const modelHangs = {
  name: "model-hangs",
  title: "the model's process hangs",
  mayCrash: true,
  async attack({ target, server, random, tally }) {
    const pid = server.modelPid();
    if (pid === undefined) return void (await server.settle(20_000));
    const waiting = Array.from({ length: 8 }, () => post(target, CHAT, ask("What is here?", { max_tokens: 32 })));
    await pause(random.between(0, 100));
    process.kill(pid, "SIGSTOP");
    server.restartsAsked++;
    for (const exchange of await Promise.all(waiting)) tally.judge("a request when it hangs", exchange, [200, 500]);
    if (!(await server.settle(30_000))) tally.fail("the model did not come back within 30 s");
  },
};
