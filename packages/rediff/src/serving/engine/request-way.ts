/** A request's way to a model's process, and what it hears on the way: its pictures are decoded and its texts read beside the
 *  model, then it is sent, and the process tells how far it is. */
import type { ModelFacts } from "../../inference/model-facts.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { decodingLimits } from "../../vision/workers/decoding-limits.js";
import { VisionPool } from "../../vision/workers/vision-pool.js";
import type { EngineOptions } from "./engine-options.js";
import { type FromModel, PIECE_BYTES, type Progress, type VisualHead } from "./protocol.js";
import type { Replica } from "./replica.js";
import type { Entry, Turns, VisionPools } from "./request-turns.js";
import { TextPool } from "./texts/text-pool.js";

/** What prepares requests, in processes and threads of its own. */
export class Preparation {
  readonly #pools: VisionPools;
  readonly #texts: TextPool;

  constructor({ folder, load, visionWorkers, decoding }: EngineOptions) {
    const isolation = decoding ?? decodingLimits({});
    this.#pools = {
      pictures: new VisionPool({ workers: visionWorkers, isolation }),
      videos: new VisionPool({ workers: 1, isolation }),
    };
    this.#texts = new TextPool({ folder, base: load.base, quantize: load.quantize });
  }

  warm(): void {
    this.#texts.warm();
  }

  /** What was prepared before stays so. @throws what is wrong with the request; its signal's reason */
  async prepare(entry: Entry, facts: ModelFacts): Promise<void> {
    const visuals = await (entry.prepared ?? entry.visuals(this.#pools, facts, entry.signal));
    entry.prepared = visuals;
    const { asked, usualLength, longest } = entry.job;
    const text = { asked, usualLength, longest, visuals: visuals.map(headOf) };
    entry.request ??= await this.#texts.resolve(text, entry.signal);
  }

  async close(): Promise<void> {
    const { pictures, videos } = this.#pools;
    await Promise.all([pictures, videos, this.#texts].map((each) => each.close()));
  }
}

/** Sends a request that is prepared, its pixels in pieces, for as long as it is with this process. */
export async function sendRequest(entry: Entry, replica: Replica, turns: Turns): Promise<void> {
  const { id, deaths, request, prepared: visuals } = entry;
  if (request === undefined || visuals === undefined) throw new Error(`request ${id} is sent before it is prepared`);
  const { text, trace } = entry.job;
  await replica.send({ type: "add", id, job: { request, text, trace }, visuals: visuals.map(headOf) });
  for (const [visual, { pixels }] of visuals.entries())
    for (let start = 0; start < pixels.length; start += PIECE_BYTES) {
      // It has left, or is with another process by now.
      if (!turns.isUnderway(entry) || entry.state !== "sent" || entry.deaths !== deaths) return;
      const piece = pixels.subarray(start, start + PIECE_BYTES);
      await replica.send({ type: "pixels", id, visual, start, pixels: piece });
    }
}

/** Tells requests what they want to know before their answers. */
export function tellProgress(
  message: Extract<FromModel, { type: "begun" | "progress" | "layers" }>,
  find: (id: number) => Entry | undefined,
): void {
  switch (message.type) {
    case "begun": {
      const entry = find(message.id);
      if (entry === undefined) return;
      entry.state = "begun";
      entry.prepared = undefined; // megabytes that nobody needs again
      if (entry.request !== undefined) entry.onBegun?.({ ...message.beginning, request: entry.request });
      return;
    }
    case "progress":
      for (const progress of message.progress) report(progress, find(progress.id));
      return;
    case "layers":
      for (const id of message.ids) find(id)?.onLayers?.(message.progress);
  }
}

function report({ text, trace }: Progress, entry: Entry | undefined): void {
  if (text !== undefined) entry?.onText?.(text);
  if (trace !== undefined) entry?.onTrace?.(trace);
}

const headOf = ({ kind, tiles, tileSize, imageSize }: Visual): VisualHead => ({ kind, tiles, tileSize, imageSize });
