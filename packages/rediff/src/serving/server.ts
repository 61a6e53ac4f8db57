/** The whole server: engine, app, socket; started and ended together. */

import { type AppOptions, createApp } from "./app.js";
import { Engine, type EngineOptions } from "./engine/engine.js";
import { type ListenOptions, listen } from "./http/listen.js";
import type { MediaOptions } from "./media/load-media.js";
import { createMetrics } from "./metrics.js";
import type { ServedModel } from "./route-context.js";

export interface ServerOptions {
  engine: EngineOptions;
  listen: ListenOptions;
  app: AppOptions;
  media: MediaOptions;
  model: ServedModel;
  bodyLimit: number;
  /** Lines for the operator: crashes, our own mistakes, with `accessLog` every request. Never what was asked. */
  log: (line: string) => void;
}

export interface RediffServer {
  url: string;
  engine: Engine;
  /** Resolves when the model has been loaded. @throws what is wrong with it */
  ready: Promise<void>;
  /** Takes no more requests, waits for those that are there for so many seconds, ends. */
  drain(seconds: number): Promise<void>;
  close(): Promise<void>;
}

/** Listens at once, so that /health answers while the model loads.
 *  @throws UserError when the port cannot be had */
export async function startServer(options: ServerOptions): Promise<RediffServer> {
  const metrics = createMetrics();
  const { log, media, model, bodyLimit } = options;
  const engine = new Engine({ ...options.engine, onPass: metrics.pass, log });
  metrics.watch(engine);
  const app = createApp({ engine, metrics, model, media, bodyLimit, log }, options.app);
  const listener = await listen((request, env) => app.fetch(request, env as never), options.listen);
  const ready = engine.start().then(() => undefined);
  ready.catch(() => undefined); // whoever asks is told
  return {
    url: listener.url,
    engine,
    ready,
    async drain(seconds) {
      await engine.drain(seconds);
      // Answers are on their way out: a moment for the sockets.
      await new Promise((resolve) => setTimeout(resolve, 100));
      await listener.close();
    },
    async close() {
      await engine.close();
      await listener.close();
    },
  };
}
