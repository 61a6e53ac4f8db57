/** The thread behind loader and check: reads, builds or checks what it is told, moves pixels out without a copy. */
import { parentPort, workerData } from "node:worker_threads";
import { loadTokenizer } from "../text/tokenizer.js";
import { packError } from "../vision/jobs.js";
import { type LoaderJob, type LoaderResult, type LoaderSetup, runLoaderJob } from "./loader-job.js";
import { RecordReader } from "./record-reader.js";
import type { ThreadReply, ThreadRequest } from "./threads.js";

const { tokenizerFolder, settings } = workerData as LoaderSetup;
const reader = new RecordReader();
// Failing to load is told to every job; nobody listens yet.
const tokenizer = loadTokenizer(tokenizerFolder);
tokenizer.catch(() => undefined);
const running = new Map<number, AbortController>();

parentPort?.on("message", async (request: ThreadRequest<LoaderJob>) => {
  if (request.type === "abort") {
    running.get(request.id)?.abort();
    return;
  }
  const { id, job } = request;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const context = { tokenizer: await tokenizer, settings };
    const result = await runLoaderJob(job, reader, context, controller.signal);
    const visuals = result.type === "sample" && result.ok ? result.sample.visuals : [];
    const buffers = visuals.map(({ pixels }) => pixels.buffer);
    parentPort?.postMessage({ id, ok: true, result } satisfies ThreadReply<LoaderResult>, buffers);
  } catch (cause) {
    parentPort?.postMessage({ id, ok: false, error: packError(cause) } satisfies ThreadReply<LoaderResult>);
  } finally {
    running.delete(id);
  }
});
