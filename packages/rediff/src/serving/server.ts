/** The whole server: engines, app, socket; started and ended together. */

import { availableMemory } from "../checkpoint/memory.js";
import { readAskable } from "../inference/model-facts.js";
import { decodingLimits } from "../vision/workers/decoding-limits.js";
import { type AppOptions, createApp } from "./app.js";
import { BodyReader } from "./bodies/body-reader.js";
import { Engine } from "./engine/engine.js";
import type { EngineOptions } from "./engine/engine-options.js";
import { BodyBudget } from "./http/body-budget.js";
import { connectionLimit } from "./http/connections.js";
import { type ListenOptions, listen } from "./http/listen.js";
import { PieceTurns } from "./http/piece-turns.js";
import type { MediaOptions } from "./media/load-media.js";
import { Redraws } from "./media/redraws.js";
import { createMetrics } from "./metrics.js";
import { ModelPulls, type NewModel, type PullingOptions } from "./pulling/model-pulls.js";
import { modelBytes } from "./residency/model-bytes.js";
import { ResidentModels } from "./residency/resident-models.js";
import type { Served } from "./route-context.js";
import type { ServedModel } from "./served-model.js";

export interface ServerOptions {
  engine: EngineOptions;
  listen: ListenOptions & {
    /** Clients that may be connected at once; default 1,024, or what there are descriptors for. */
    maxConnections?: number | undefined;
  };
  app: AppOptions;
  media: MediaOptions;
  model: ServedModel;
  /** Further models, each in a process of its own that is started when a request first names it. Their ids differ. */
  others?: readonly NewModel[];
  /** Lets clients pull further models from the hub (/v1/pulls). */
  pulling?: PullingOptions | undefined;
  /** Bytes of all models together, where there are several; default what is free in main memory, for models on the CPU. */
  modelsMemory?: number | undefined;
  /** Seconds without a request after which a model's process is ended, until the next one; default never. */
  unloadAfter?: number | undefined;
  /** Bytes of a request. */
  bodyLimit: number;
  /** Bytes of all requests under way together; default sixteen of the largest. */
  bodiesLimit?: number | undefined;
  /** What started this server, for people who have to start it again; without keys. */
  command?: string | undefined;
  /** Lines for the operator: crashes, our own mistakes, with `accessLog` every request. Never what was asked. */
  log: (line: string) => void;
}

export interface RediffServer {
  url: string;
  /** Of the first model. */
  engine: Engine;
  /** Of all models; those that were added come last. */
  readonly engines: readonly Engine[];
  /** Resolves when the first model has been loaded. @throws what is wrong with it */
  ready: Promise<void>;
  /** Takes no more requests, waits for those that are there for so many seconds, ends. */
  drain(seconds: number): Promise<void>;
  close(): Promise<void>;
}

/** Listens at once, so that /health answers while the model loads.
 *  @throws UserError when the port or so many connections cannot be had, or one of the other models is none */
export async function startServer(options: ServerOptions): Promise<RediffServer> {
  const maxConnections = connectionLimit(options.listen.maxConnections);
  const metrics = createMetrics();
  const { log, media, bodyLimit, command } = options;
  const decoding = decodingLimits({ maxPixels: media.maxPixels, seconds: media.pictureSeconds });
  const bodies = new BodyBudget(Math.max(bodyLimit, options.bodiesLimit ?? 16 * bodyLimit));
  const { unloadAfter, modelsMemory = usualMemory(options) } = options;
  const residents = new ResidentModels({ memory: modelsMemory, unloadAfter, log });
  const serve = (model: ServedModel, engine: EngineOptions): Served => ({
    model,
    engine: new Engine({ decoding, ...engine, admit: () => residents.admit(model.id), onPass: metrics.pass, log }),
  });
  const readOther = async ({ model, engine }: NewModel) => {
    const { facts, config } = await readAskable(engine.folder);
    return { model, engine: { ...engine, lazy: facts }, bytes: modelBytes(config, engine.load) };
  };
  // Read first: an engine has threads, and there is nobody to end them if this throws.
  const others = await Promise.all((options.others ?? []).map(readOther));
  const firstBytes = hasOthers(options) ? await bytesOf(options.engine) : 0;
  const first = serve(options.model, options.engine);
  const served: [Served, ...Served[]] = [first];
  const engines = [first.engine];
  const watched = new Map([[options.model.id, first.engine]]);
  residents.add({ id: options.model.id, engine: first.engine, bytes: firstBytes }, { isLoaded: true });
  const add = ({ model, engine: own, bytes }: (typeof others)[number]) => {
    const { id } = model;
    const { engine } = serve(model, own);
    residents.add({ id, engine, bytes }, { isLoaded: false });
    watched.set(id, engine);
    engines.push(engine);
    served.push({ model, engine });
  };
  for (const other of others) add(other);
  const pulls =
    options.pulling &&
    new ModelPulls({
      ...options.pulling,
      log,
      isServed: (id) => watched.has(id),
      judge: async (model) => residents.assertFits(model.model.id, (await readOther(model)).bytes),
      serve: async (model) => {
        const read = await readOther(model);
        if (!watched.has(model.model.id)) add(read);
      },
    });
  metrics.watchBodies(bodies);
  metrics.watch(watched);
  const redraws = new Redraws(decoding);
  const reader = new BodyReader(bodyLimit);
  const turns = new PieceTurns();
  const app = createApp(
    { served, metrics, media, redraws, pulls, bodyLimit, bodies, reader, turns, command, log },
    options.app,
  );
  const listener = await listen((request, env) => app.fetch(request, env as never), {
    ...options.listen,
    maxConnections,
    log,
    onRefused: metrics.refusedConnection,
  });
  metrics.watchConnections(listener);
  const [{ engine }] = served;
  reader.warm();
  const ready = engine.start().then(() => undefined);
  ready.catch(() => undefined); // whoever asks is told
  return {
    url: listener.url,
    engine,
    engines,
    ready,
    async drain(seconds) {
      residents.close();
      await pulls?.close(); // it may add one
      await Promise.all(engines.map((each) => each.drain(seconds)));
      // Answers are on their way out: a moment for the sockets.
      await new Promise((resolve) => setTimeout(resolve, 100));
      await listener.close();
      await Promise.all([redraws.close(), reader.close()]);
    },
    async close() {
      residents.close();
      await pulls?.close();
      await Promise.all([...engines, redraws, reader].map((each) => each.close()));
      await listener.close();
    },
  };
}

/** Of main memory, which is not where models on other devices are. */
const usualMemory = (options: ServerOptions): number => {
  const { engine } = options;
  return hasOthers(options) && (engine.load.device ?? "cpu") === "cpu" && engine.load.memoryCheck !== false
    ? availableMemory()
    : Number.POSITIVE_INFINITY;
};

/** Now or later. */
const hasOthers = ({ others = [], pulling }: ServerOptions): boolean => others.length > 0 || pulling !== undefined;

/** What is wrong with the first model's folder is told where it is loaded. */
async function bytesOf({ folder, load }: EngineOptions): Promise<number> {
  const read = await readAskable(folder, load.base).catch(() => undefined);
  return read === undefined ? 0 : modelBytes(read.config, load);
}
