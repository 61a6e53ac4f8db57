// A thread that asks as ordinary clients do while the server is under attack: /health, and one caption after another. A
// thread of its own, because the one that attacks is often busy.

import { Agent, request } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import { CAPTION, CHAT } from "./questions.mjs";
import { ownThread } from "./step-back.mjs";

const HEALTH_EVERY_MS = 20;

/**
 * What was seen during one attack. Times in milliseconds.
 * @typedef {{ health: number[], gaps: number[], waits: number[], late: number[], away: number[], captions: number,
 *   lost: number, failures: string[] }} Seen
 */

/** @type {{ port: number }} */
const { port } = workerData;
const agent = new Agent({ keepAlive: true });
/** @type {Map<string, Seen>} */
const seen = new Map();
let phase = { name: "", mayCrash: false };
let isOver = false;

/** @returns {Seen} */
function now() {
  const known = seen.get(phase.name);
  if (known !== undefined) return known;
  const fresh = { health: [], gaps: [], waits: [], late: [], away: [], captions: 0, lost: 0, failures: [] };
  seen.set(phase.name, fresh);
  return fresh;
}

/**
 * @param {string} path @param {object | undefined} body
 * @param {(text: string) => void} [onText]
 * @returns {Promise<{ status: number, text: string }>}
 */
function ask(path, body, onText = () => undefined) {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = bytes && { "content-type": "application/json", "content-length": bytes.length };
  return new Promise((resolve, reject) => {
    const message = request({ port, host: "127.0.0.1", path, agent, method: bytes ? "POST" : "GET", headers });
    message.on("error", reject);
    message.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => {
        text += piece;
        onText(piece);
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    });
    message.end(bytes);
  });
}

async function probeHealth() {
  const started = performance.now();
  try {
    const { status } = await ask("/health", undefined);
    if (status !== 200) now().failures.push(`/health: ${status}`);
  } catch (error) {
    now().failures.push(`/health: ${error}`);
  }
  now().health.push(performance.now() - started);
}

/** When the model was last seen to be there, and whether it has been away since. */
let readyAt = performance.now();
let isAway = false;

/** For how long there is no model: one that died is being replaced. */
async function probeReady() {
  const { status } = await ask("/ready", undefined);
  const at = performance.now();
  isAway ||= status !== 200;
  if (status !== 200) return;
  if (isAway) now().away.push(at - readyAt);
  [readyAt, isAway] = [at, false];
}

/** One caption, step by step. A step's time is what passes between two of its events. */
async function caption() {
  const wasDisturbed = phase.mayCrash;
  const asked = performance.now();
  let last = 0;
  const { status, text } = await ask(CHAT, CAPTION, (piece) => {
    const at = performance.now();
    if (last === 0) now().waits.push(at - asked);
    else if (!piece.includes('"error"')) now().gaps.push(at - last);
    last = at;
  });
  if (status === 200 && text.endsWith("data: [DONE]\n\n")) now().captions++;
  else if ((wasDisturbed || phase.mayCrash) && text.includes("model_crashed")) now().lost++;
  else now().failures.push(`a caption: ${status} ${text.slice(-200)}`);
}

/** @param {() => Promise<void>} work @param {number} ms between two */
async function again(work, ms) {
  while (!isOver) {
    await work().catch((error) => now().failures.push(String(error)));
    const due = performance.now() + ms;
    await new Promise((resolve) => setTimeout(resolve, ms));
    now().late.push(performance.now() - due); // what this machine takes for nothing at all
  }
}

parentPort?.postMessage({ thread: ownThread() });

const ended = Promise.all([
  again(probeHealth, HEALTH_EVERY_MS),
  again(probeReady, HEALTH_EVERY_MS),
  again(caption, HEALTH_EVERY_MS),
]);

parentPort?.on("message", async (message) => {
  if (message.phase !== undefined) phase = message.phase;
  else {
    isOver = true;
    await ended;
    agent.destroy();
    parentPort?.postMessage(seen);
    parentPort?.close();
  }
});
