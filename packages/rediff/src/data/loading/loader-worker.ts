/** The thread behind loader and check: reads, builds or checks what it is told, one job after another, and moves pixels
 *  out without a copy. */
import { parentPort, workerData } from "node:worker_threads";
import { loadTokenizer } from "../../text/tokenizer.js";
import type { ThreadReply, ThreadRequest } from "../../threads/worker-threads.js";
import { packError } from "../../vision/workers/vision-jobs.js";
import { RecordReader } from "../records/record-reader.js";
import { type LoaderJob, type LoaderResult, type LoaderSetup, runLoaderJob } from "./loader-job.js";

const { tokenizerFolder, settings } = workerData as LoaderSetup;
const reader = new RecordReader();
// Failing to load is told to every job; nobody listens yet.
const tokenizer = loadTokenizer(tokenizerFolder);
tokenizer.catch(() => undefined);
/** Jobs not answered yet, and how to stop each. */
const open = new Map<number, AbortController>();
let last: Promise<void> = Promise.resolve();

parentPort?.on("message", (request: ThreadRequest<LoaderJob>) => {
  if (request.type === "abort") {
    open.get(request.id)?.abort();
    return;
  }
  const { id, job } = request;
  const controller = new AbortController();
  open.set(id, controller);
  last = last.then(() => answer(id, job, controller.signal)).finally(() => open.delete(id));
});

async function answer(id: number, job: LoaderJob, signal: AbortSignal): Promise<void> {
  try {
    signal.throwIfAborted();
    const context = { tokenizer: await tokenizer, settings };
    const result = await runLoaderJob(job, reader, context, signal);
    const visuals = result.type === "sample" && result.ok ? result.sample.visuals : [];
    const buffers = visuals.map(({ pixels }) => pixels.buffer);
    parentPort?.postMessage({ id, ok: true, result } satisfies ThreadReply<LoaderResult>, buffers);
  } catch (cause) {
    parentPort?.postMessage({ id, ok: false, error: packError(cause) } satisfies ThreadReply<LoaderResult>);
  }
}
