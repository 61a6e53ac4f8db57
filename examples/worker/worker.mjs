// @ts-check
/** A worker: paths of pictures come in, one a line, and answers go out as lines of JSON, each as soon as it is there.
 *
 *      printf '%s\n' examples/*.jpg | node examples/worker/worker.mjs
 *
 *  The model is in a process of its own. The event loop of this one stays free for a queue, a database, a health check; at the
 *  end the worker says for how long it ever waited. No worker_threads are needed: a thread would die with the whole program
 *  when native code crashes, where the model's process is replaced. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { startModel, UserError } from "rediff";

/** Questions that are decoded together. */
const BATCH = 4;

const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
const model = await startModel(undefined, { batch: BATCH });

/** @param {string} path */
async function describe(path) {
  try {
    const { text, seconds } = await model.describe(path, { tokensPerStep: 4 });
    return { path, text, seconds };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { path, code: error.code, error: error.message }; // the next job is none the worse for it
  }
}

const jobs = createInterface({ input: process.stdin });
// Asked to end: what is under way is done, nothing more is taken.
process.once("SIGTERM", () => jobs.close());

/** @type {Set<Promise<void>>} */
const underWay = new Set();
for await (const path of jobs) {
  const job = describe(path).then((answer) => {
    underWay.delete(job);
    console.log(JSON.stringify(answer));
  });
  underWay.add(job);
  // One batch is decoded, the pictures of the next are read meanwhile; what is beyond stays in the queue.
  if (underWay.size >= 2 * BATCH) await Promise.race(underWay);
}
await Promise.all(underWay);
await model.close();
console.error(`longest wait of the event loop: ${Math.round(delay.max / 1e6)} ms`);
