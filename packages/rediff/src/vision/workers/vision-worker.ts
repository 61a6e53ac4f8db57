/** The thread behind VisionPool: runs one job at a time, moves the pixels out without a copy. */

import { parentPort } from "node:worker_threads";
import { packError, type Reply, type Request, runJob } from "./vision-jobs.js";

const running = new Map<number, AbortController>();

parentPort?.on("message", async (request: Request) => {
  if (request.type === "abort") {
    running.get(request.id)?.abort();
    return;
  }
  const { id, job } = request;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const tiles = await runJob(job, controller.signal);
    parentPort?.postMessage({ id, ok: true, tiles } satisfies Reply, [tiles.pixels.buffer]);
  } catch (cause) {
    parentPort?.postMessage({ id, ok: false, error: packError(cause) } satisfies Reply);
  } finally {
    running.delete(id);
  }
});
