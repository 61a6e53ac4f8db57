/** The process that holds the model. It has no state that is not in a request: when it dies, another takes its place.
 *
 *  A process and not a thread, because what ends it in practice (memory, a fault in native code) would end a thread's
 *  process too, and because a thread that dies leaves its tensors behind. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { memory, setThreads } from "@rediff/torch";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { factsOf } from "../../inference/model-facts.js";
import { settleKernels, useFastestThreads } from "../../models/measured/kernel-choice.js";
import { collectWhenIdle } from "../../threads/idle-garbage.js";
import { packError } from "../../threads/portable-error.js";
import { existingWorkerUrl } from "../../threads/worker-url.js";
import type { FromModel, LoadRequest, ToModel } from "./protocol.js";
import { ServedBatcher } from "./served-batcher.js";

const heartbeat = new Worker(existingWorkerUrl("./heartbeat.js", import.meta.url));
const beats = once(heartbeat, "message");
heartbeat.unref();

collectWhenIdle({ process: true });

let batcher: ServedBatcher | undefined;

function post(message: FromModel): void {
  // The server may have gone; then this process is about to go too.
  if (process.connected) process.send?.(message, undefined, {}, () => undefined);
}

async function load({
  folder,
  options,
  threads,
  batch,
  keptBytes,
  cacheBytes,
  memoryBytes,
}: LoadRequest): Promise<void> {
  try {
    await beats; // from here on silence means something
    if (threads === undefined) useFastestThreads();
    else setThreads(threads);
    const onWarning = (line: string) => process.stderr.write(`rediff: ${line}\n`);
    const model = await loadModelFolder(folder, { ...options, onWarning });
    if (model.device === "cpu") settleKernels(); // or the first request would wait for it
    batcher = new ServedBatcher(model, { batch, keptBytes, cacheBytes, memoryBytes }, post);
    const facts = { ...factsOf(model), dtype: model.dtype, device: model.device };
    post({ type: "ready", facts, memory: memory() });
  } catch (error) {
    post({ type: "unloadable", error: packError(error) });
    return;
  }
  await batcher.run();
}

process.on("message", (message: ToModel) => {
  if (message.type === "load") void load(message.load);
  else if (message.type === "add") batcher?.add(message);
  else if (message.type === "pixels") batcher?.pixels(message);
  else batcher?.cancel(message.id);
});
process.on("disconnect", () => process.exit(0));
// A terminal's Ctrl-C reaches every process of the group; the server lets requests finish first.
process.on("SIGINT", () => undefined).on("SIGTERM", () => undefined);
