/** A server with a tiny model on a free port, for tests. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makeFolder, removeFolder } from "../../testing/folders.js";
import { type TinyModelOptions, writeTinyModel } from "../../testing/tiny-model.js";
import { compiledWorkerUrl } from "../../threads/worker-url.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import type { PullingOptions } from "../pulling/model-pulls.js";
import { type RediffServer, type ServerOptions, startServer } from "../server.js";

/** Its processes and threads run compiled code. */
export const isBuilt = existsSync(fileURLToPath(compiledWorkerUrl("../engine/model-process.js", import.meta.url)));

export const TINY = "tiny";

export interface TestServerOptions {
  /** Of a model made for this server. */
  tiny?: TinyModelOptions;
  engine?: Partial<ServerOptions["engine"]>;
  listen?: Partial<ServerOptions["listen"]>;
  app?: Partial<ServerOptions["app"]>;
  media?: Partial<ServerOptions["media"]>;
  model?: Partial<ServerOptions["model"]>;
  /** Further models by their ids, each of a folder. */
  others?: Record<string, string>;
  /** Of a hub from which clients may pull others. */
  pulling?: PullingOptions["hub"];
  modelsMemory?: number;
  unloadAfter?: number;
  command?: string;
  bodyLimit?: number;
  bodiesLimit?: number;
}

export interface TestServer extends AsyncDisposable {
  server: RediffServer;
  /** Of its model. */
  folder: string;
  url: string;
  /** What it said. */
  log: string[];
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = makeFolder();
  writeTinyModel(folder, options.tiny);
  const log: string[] = [];
  const engine = { folder, load: {}, threads: 1, batch: 4, queue: 64, visionWorkers: 1, ...options.engine };
  const server = await startServer({
    engine,
    listen: { host: "127.0.0.1", port: 0, requestTimeout: 20, writeTimeout: 20, ...options.listen },
    app: { apiKeys: [], corsOrigins: [], accessLog: false, ...options.app },
    media: {
      allowUrls: false,
      maxPixels: 1_000_000,
      requestPixels: 6_000_000,
      pictureSeconds: 30,
      videoSeconds: 60,
      maxBytes: 1 << 20,
      fetchTimeoutMs: 2000,
      maxPictures: 4,
      ...options.media,
    },
    model: { id: TINY, embedded: false, revises: true, genLength: 16, ...options.model },
    others: Object.entries(options.others ?? {}).map(([id, other]) => ({
      engine: { ...engine, folder: other },
      model: { id, embedded: false, revises: false, genLength: 16 },
    })),
    pulling: options.pulling && {
      hub: options.pulling,
      beside: (id, other) => ({
        engine: { ...engine, folder: other },
        model: { id, embedded: false, revises: false, genLength: 16 },
      }),
    },
    modelsMemory: options.modelsMemory,
    unloadAfter: options.unloadAfter,
    command: options.command,
    bodyLimit: options.bodyLimit ?? 1 << 20,
    bodiesLimit: options.bodiesLimit,
    log: (line) => log.push(line),
  });
  await server.ready;
  return {
    server,
    folder,
    url: server.url,
    log,
    async [Symbol.asyncDispose]() {
      await server.close();
      removeFolder(folder);
    },
  };
}

/** A picture of the fixtures as a data: URL. */
export function pictureUrl(name = "color.jpg", type = "image/jpeg"): string {
  return `data:${type};base64,${readFileSync(fixturePath(name)).toString("base64")}`;
}

/** Asks the API. `body` as it is when it is a string. */
export async function post(url: string, path: string, body: unknown, init: RequestInit = {}) {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as never };
}

/** A gauge or counter by its name, labels included. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

/** Waits until something holds; tests have their own time limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
