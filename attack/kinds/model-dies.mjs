// Requests that kill the model's process, and processes that are killed from outside while requests wait.

import { POISON } from "../poison.mjs";
import { ask, CHAT } from "../questions.mjs";
import { codeOf } from "../tally.mjs";
import { pause, post } from "../wire.mjs";

/** @type {import("../kinds.mjs").Kind} */
export const modelDies = {
  name: "model-dies",
  title: "the model's process dies",
  mayCrash: true,
  async attack({ target, server, random, tally }) {
    const pid = server.modelPid();
    if (pid === undefined) return void (await server.settle(20_000));
    // The poison first: a battery that is short tries it, too.
    if (tally.tried === 0 || random.share() < 0.5) {
      // Stopped, it takes them all before it begins any. The poisoned one dies twice: in company, and alone.
      process.kill(pid, "SIGSTOP");
      const poisoned = post(target, CHAT, ask(POISON));
      await pause(20);
      const others = Array.from({ length: 3 }, (_, i) => post(target, CHAT, ask(`What is here? ${i}`)));
      await pause(50);
      process.kill(pid, "SIGCONT");
      server.restartsAsked += 2;
      const answer = await poisoned;
      const [{ text } = { text: "" }] = answer.answers;
      if (codeOf(text) === "model_crashed") tally.judge("a request that kills", answer, [500]);
      else tally.fail(`the poison (attack/poison.mjs) kills nothing any more: ${text.slice(0, 100)}`);
      for (const other of await Promise.all(others)) tally.judge("its neighbour", other, [200]);
    } else {
      const waiting = Array.from({ length: 12 }, () => post(target, CHAT, ask("What is here?", { max_tokens: 32 })));
      await pause(random.between(0, 100));
      process.kill(pid, random.pick(/** @type {const} */ (["SIGKILL", "SIGSEGV"])));
      server.restartsAsked++;
      // Those that were begun are lost with it, as their error says.
      for (const exchange of await Promise.all(waiting))
        tally.judge("a request when it is killed", exchange, [200, 500]);
    }
    if (!(await server.settle(30_000))) tally.fail("the model did not come back within 30 s");
  },
};
