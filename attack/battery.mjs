// All kinds of attack on one server, one after the other and then mixed, with neighbours who ask all the while.

import { once } from "node:events";
import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { KINDS } from "./kinds.mjs";
import { ask, askAbout, CAPTION, CHAT, PICTURE, PICTURE_URL } from "./questions.mjs";
import { randomOf } from "./random.mjs";
import { startServer } from "./server.mjs";
import { stepBack } from "./step-back.mjs";
import { Tally } from "./tally.mjs";
import { exchange, pause, post, requestOf } from "./wire.mjs";

/** @typedef {import("./watch.mjs").Seen} Seen */
/** @typedef {import("./kinds.mjs").Kind} Kind */
/** @typedef {{ server: number, model: number }} Memory in bytes */
/**
 * @typedef {object} Outcome
 * @property {{ kind: Pick<Kind, "name" | "title" | "leastAnswered">, tally: Tally, seen: Seen }[]} rows
 * @property {Seen} alone what neighbours see when nobody attacks
 * @property {Record<"start" | "middle" | "end", Memory>} memory
 * @property {Record<"start" | "end", { tensors: number, forgotten: number }>} tensors
 * @property {{ asked: number, done: number }} restarts
 * @property {boolean} hasSettled
 * @property {boolean} hasEnded the server's process is gone
 * @property {readonly string[]} said by the server, of what it should not say
 */

/** Of the time that is left to attacks, so much is for all of them mixed. */
const MIXED_SHARE = 0.2;
const MIXTURE = { name: "mixture", title: "three kinds at a time" };
/** Kinds that take all there is of something leave nothing that could be judged beside them. */
const ALONE = ["connections", "model-dies", "model-hangs", "many-bodies"];
const LANES = 2;
const SETTLE_MS = 30_000;
/** In which a server that has nothing to do gives back what it does not need. */
const REST_MS = 6000;

/** Another address of this machine, so that neighbours and attackers have queues of their own; macOS has but one. */
const attackers = process.platform === "linux" ? { localAddress: "127.0.0.2" } : {};

/**
 * @param {{ seconds: number, seed: number, only?: string, threads?: number, log: (line: string) => void }} options
 * @returns {Promise<Outcome>}
 */
export async function runBattery({ seconds, seed, only, threads, log }) {
  const kinds = KINDS.filter(({ name }) => only === undefined || only === MIXTURE.name || name === only);
  const server = await startServer({ ...(threads !== undefined && { threads }), log: (line) => log(`  ${line}`) });
  const target = { port: server.port, ...attackers };
  const watch = startWatching(server.port);
  try {
    // Attackers have machines of their own: what they compute is not to keep the server and its neighbours waiting.
    stepBack(await watch.thread);
    await warmUp(target);
    await watch.enter("alone", false);
    await pause(1000 * Math.min(5, Math.max(1, seconds / 12)));

    const mixed = only === undefined ? seconds * MIXED_SHARE : only === MIXTURE.name ? seconds : 0;
    const rows = (only === MIXTURE.name ? [] : kinds).map((kind) => ({ kind, tally: new Tally() }));
    /** @type {Omit<Outcome["rows"][number], "seen">[]} */
    const mixture = [];
    const began = performance.now();
    const attack = async (
      /** @type {typeof rows[number]} */ { kind, tally },
      /** @type {number} */ ms,
      name = `${seed}`,
    ) => {
      if (server.hasEnded()) return;
      await watch.enter(kind.name, kind.mayCrash ?? false);
      const lanes = ALONE.includes(kind.name) ? 1 : LANES;
      await rounds([kind], { target, server, tally }, { until: performance.now() + ms, lanes, seed: name });
      await watch.enter("between", true);
      if (!(await server.settle(SETTLE_MS))) tally.fail(`the server is not idle ${SETTLE_MS / 1000} s afterwards`);
    };
    for (const row of rows) {
      log(`${row.kind.name}: ${row.kind.title}`);
      await attack(row, 0);
    }
    if (mixed === seconds) await server.settle(SETTLE_MS);
    // Only now all that is loaded late is there, and what the allocator keeps for the next time.
    await pause(REST_MS);
    const start = { memory: server.memory(), tensors: await tensorsOf(server) };

    const left = 1000 * (seconds - mixed) - (performance.now() - began);
    if (left > 0) log("all of them again");
    for (const row of left > 0 ? rows : []) await attack(row, left / rows.length, `${seed} again`);
    const middle = server.memory();
    if (mixed > 0 && !server.hasEnded()) {
      log(`${MIXTURE.name}: ${MIXTURE.title}`);
      await watch.enter(MIXTURE.name, false);
      const tally = new Tally();
      const some = KINDS.filter(({ name }) => !ALONE.includes(name));
      await rounds(
        some,
        { target, server, tally },
        { until: performance.now() + 1000 * mixed, lanes: 3, seed: `${seed}` },
      );
      mixture.push({ kind: MIXTURE, tally });
    }
    await watch.enter("between", true);
    const hasSettled = !server.hasEnded() && (await server.settle(SETTLE_MS));
    const seen = await watch.end();
    const end = await settled(server, start);
    const alone = seen.get("alone") ?? nothing();
    return {
      rows: [...rows, ...mixture].map((row) => ({ ...row, seen: seen.get(row.kind.name) ?? nothing() })),
      alone,
      memory: { start: start.memory, middle, end: end.memory },
      tensors: { start: start.tensors, end: end.tensors },
      restarts: { asked: server.restartsAsked, done: end.restarts },
      hasSettled,
      hasEnded: server.hasEnded(),
      said: server.said.filter((line) => /^\s+at |Error:/.test(line)),
    };
  } finally {
    watch.stop();
    await server.stop();
  }
}

/** Rounds of kinds drawn at random, in several lanes, until the time is over; one at least.
 *  @param {readonly Kind[]} kinds
 *  @param {Omit<import("./kinds.mjs").Attack, "random">} attack
 *  @param {{ until: number, lanes: number, seed: string }} turn */
async function rounds(kinds, attack, { until, lanes, seed }) {
  const lane = async (/** @type {number} */ number) => {
    const random = randomOf(`${seed} ${kinds.map(({ name }) => name).join()} ${number}`);
    do {
      const kind = random.pick(kinds);
      await kind.attack({ ...attack, random }).catch((error) => attack.tally.fail(`${kind.name}: ${error.stack}`));
      await pause(5);
    } while (performance.now() < until && !attack.server.hasEnded());
  };
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
}

/** Each route a few times, so that what is loaded late has been. @param {import("./wire.mjs").Target} target */
async function warmUp(target) {
  const drawing = requestOf("POST", "/v1/pictures", { body: PICTURE, headers: { "content-type": "image/png" } });
  for (let i = 0; i < 2; i++)
    await Promise.all([
      ...Array.from({ length: 4 }, () => post(target, CHAT, askAbout(PICTURE_URL))),
      post(target, CHAT, CAPTION),
      post(target, CHAT, ask("What is here?")),
      post(target, "/v1/refine", { image: PICTURE_URL, draft: "A red cat." }),
      post(target, "/v1/fill", { template: "A [[2]]." }),
      exchange(target, drawing),
    ]);
}

/** A neighbour's caption may be under way, so the fewest of a second's.
 *  @param {import("./server.mjs").Server} server */
async function tensorsOf(server) {
  const found = [];
  for (let i = 0; i < 20; i++) {
    const metric = await server.metrics();
    found.push({ tensors: metric("rediff_live_tensors"), forgotten: metric("rediff_forgotten_tensors") });
    await pause(50);
  }
  return {
    tensors: Math.min(...found.map(({ tensors }) => tensors)),
    forgotten: Math.max(...found.map(({ forgotten }) => forgotten)),
  };
}

/** What there is when it has had time to give back what it does not need.
 *  @param {import("./server.mjs").Server} server @param {{ memory: Memory }} start */
async function settled(server, start) {
  if (server.hasEnded())
    return { memory: { server: 0, model: 0 }, tensors: { tensors: 0, forgotten: 0 }, restarts: Number.NaN };
  let memory = server.memory();
  for (let i = 0; i < 20 && growth(memory, start.memory) > 1.05; i++) {
    await pause(1000);
    memory = server.memory();
  }
  const metric = await server.metrics();
  return { memory, tensors: await tensorsOf(server), restarts: metric("rediff_model_restarts") };
}

/** @param {Memory} now @param {Memory} before */
export const growth = (now, before) => Math.max(now.server / before.server, now.model / before.model);

/** @returns {Seen} */
const nothing = () => ({ health: [], gaps: [], waits: [], late: [], away: [], captions: 0, lost: 0, failures: [] });

/** @param {number} port */
function startWatching(port) {
  const worker = new Worker(new URL("./watch.mjs", import.meta.url), { workerData: { port } });
  const failed = new Promise((_, reject) => worker.once("error", reject));
  failed.catch(() => undefined);
  return {
    /** The system's number of it.
     *  @type {Promise<number>} */
    thread: Promise.race([once(worker, "message").then(([{ thread }]) => thread), failed]),
    /** @param {string} name @param {boolean} mayCrash */
    async enter(name, mayCrash) {
      worker.postMessage({ phase: { name, mayCrash } });
    },
    /** @returns {Promise<Map<string, Seen>>} */
    end() {
      const seen = new Promise((resolve) => worker.once("message", resolve));
      worker.postMessage({ end: true });
      return /** @type {Promise<Map<string, Seen>>} */ (Promise.race([seen, failed]));
    },
    stop: () => void worker.terminate(),
  };
}

/** The names that --only takes. */
export const NAMES = [...KINDS.map(({ name }) => name), MIXTURE.name];

/** The compiled program is there. */
export const isBuilt = existsSync(new URL("../packages/rediff/dist/cli/main.js", import.meta.url));
