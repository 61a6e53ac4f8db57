/** The process that holds the model. It has no state that is not in a request: when it dies, another takes its place.
 *
 *  A process and not a thread, because what ends it in practice (memory, a fault in native code) would end a thread's
 *  process too, and because a thread that dies leaves its tensors behind. */
import { memory, setThreads } from "@rediff/torch";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { Runner } from "../../inference/batcher.js";
import { pictureOptions, videoOptions } from "../../inference/request.js";
import { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { packError } from "../../threads/portable-error.js";
import type { FromModel, LoadRequest, ModelFacts, ToModel } from "./protocol.js";

let runner: Runner | undefined;

function post(message: FromModel): void {
  // The server may have gone; then this process is about to go too.
  if (process.connected) process.send?.(message, undefined, {}, () => undefined);
}

async function load({ folder, options, threads, batch }: LoadRequest): Promise<void> {
  try {
    if (threads !== undefined) setThreads(threads);
    const model = new VisionLanguageModel(await loadModelFolder(folder, options));
    runner = new Runner(model, batch, post);
    post({ type: "ready", facts: factsOf(model), memory: memory() });
  } catch (error) {
    post({ type: "unloadable", error: packError(error) });
    return;
  }
  await runner.run();
}

function factsOf({ model }: VisionLanguageModel): ModelFacts {
  const { multimodal, llada, defaults } = model.config;
  // Checkpoints of a training run under way say it by their tower only.
  const sceneWorld = (defaults.world ?? multimodal?.visionTower) === "scenes";
  return {
    picture: model.vision === undefined ? undefined : pictureOptions(model),
    video: model.vision === undefined ? undefined : videoOptions(model),
    imageSize: multimodal?.vision.imageSize ?? 0,
    maxLength: llada.maxPositions,
    sceneWorld,
    genLength: defaults.genLength ?? Math.min(sceneWorld ? 48 : 128, llada.maxPositions >> 2),
    imageJoin: defaults.imageJoin ?? (sceneWorld ? "correct" : "legacy"),
    dtype: model.dtype,
    device: model.device,
  };
}

process.on("message", (message: ToModel) => {
  if (message.type === "load") void load(message.load);
  else if (message.type === "add") runner?.add(message);
  else runner?.cancel(message.id);
});
process.on("disconnect", () => process.exit(0));
// A terminal's Ctrl-C reaches every process of the group; the server lets requests finish first.
process.on("SIGINT", () => undefined).on("SIGTERM", () => undefined);
