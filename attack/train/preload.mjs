// What a run is started with (node --import) that is to be killed at a certain call, or to see another clock.

import { isMainThread } from "node:worker_threads";
import { moduleOf } from "./course.mjs";

/** @typedef {{ root: string, pattern: string, nth: number, half: boolean }} KillPoint the nth call below `root` that matches */

const { REDIFF_ATTACK_KILL: kill, REDIFF_ATTACK_CLOCK: clock } = process.env;

if (clock !== undefined) shiftClock(Number(clock));
if (kill !== undefined && isMainThread) await killAt(JSON.parse(kill));

/** @param {KillPoint} point */
async function killAt({ root, pattern, nth, half }) {
  const { faultyDisk } = await moduleOf("testing/disk-faults.js");
  const expression = new RegExp(pattern);
  let seen = 0;
  const at = (/** @type {string} */ call) => expression.test(call) && ++seen === nth;
  faultyDisk(root, { at, how: "dies", half }, () => process.kill(process.pid, "SIGKILL"));
}

/** Date as it would be on a machine whose clock is another. @param {number} ms */
function shiftClock(ms) {
  const now = Date.now;
  globalThis.Date = new Proxy(Date, {
    construct: (target, given) => Reflect.construct(target, given.length === 0 ? [now() + ms] : given),
    get: (target, name) => (name === "now" ? () => now() + ms : Reflect.get(target, name)),
  });
}
