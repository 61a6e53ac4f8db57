// Clients that go at every stage of a request.

import { askAbout, CAPTION, CHAT, PICTURE, PICTURE_URL } from "../questions.mjs";
import { open, pause, requestOf } from "../wire.mjs";

const REQUESTS = [
  requestOf("POST", CHAT, { body: JSON.stringify(CAPTION) }),
  requestOf("POST", CHAT, { body: JSON.stringify(askAbout(PICTURE_URL, { max_tokens: 48 })) }),
  requestOf("POST", "/v1/refine", { body: JSON.stringify({ image: PICTURE_URL, draft: "A red cat." }) }),
  requestOf("POST", "/v1/fill", { body: JSON.stringify({ template: "A [[2]] is at the [[2]]." }) }),
  requestOf("POST", "/v1/pictures", { body: PICTURE, headers: { "content-type": "image/png" } }),
];

/** @type {import("../kinds.mjs").Kind} */
export const leavingClients = {
  name: "leaving-clients",
  title: "clients that leave at every stage",
  async attack({ target, random, tally }) {
    const leave = async () => {
      const socket = open(target);
      socket.resume();
      const bytes = random.pick(REQUESTS);
      const stage = random.pick(["inside", "queued", "streaming"]);
      const isAbrupt = random.share() < 0.5;
      const wait = stage === "queued" ? random.between(0, 30) : random.between(30, 300);
      socket.write(stage === "inside" ? bytes.subarray(0, random.below(bytes.length)) : bytes);
      await pause(wait);
      if (isAbrupt) socket.resetAndDestroy();
      else socket.destroy();
      tally.left();
    };
    await Promise.all(Array.from({ length: 16 }, leave));
  },
};
