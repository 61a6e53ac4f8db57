/** What Prometheus reads: names are stable, units are in them. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ForwardPass } from "../inference/batcher.js";
import type { Engine } from "./engine/engine.js";
import { GraphMetrics } from "./graph-metrics.js";
import { LongestLately } from "./longest-lately.js";

/** What of an engine is shown. */
type Watched = Pick<
  Engine,
  "queued" | "running" | "status" | "restarts" | "memory" | "kept" | "cacheBytes" | "keptGraphs" | "replicas"
>;

export interface Metrics {
  registry: Registry;
  /** Runs a request of a kind and keeps its time, whatever becomes of it. */
  timed<T>(kind: string, work: () => Promise<T>): Promise<T>;
  /** Counts an answer. */
  answered(route: string, status: number): void;
  pass(pass: ForwardPass): void;
  /** Gauges of the engines, by the ids of their models, read when they are asked for (there may be more by then): sums over all of them, but
   *  `rediff_ready`, which is of the first, as /ready is. */
  watch(engines: ReadonlyMap<string, Watched>): void;
  /** What requests under way hold. */
  watchBodies(bodies: { readonly held: number }): void;
  watchConnections(listener: { readonly connections: number }): void;
  /** Counts a client that was one too many. */
  refusedConnection(): void;
}

const SECONDS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "rediff_requests_total",
    help: "Answers, by route and status",
    labelNames: ["route", "status"],
    registers,
  });
  const latency = new Histogram({
    name: "rediff_request_seconds",
    help: "From the arrival of a request for the model to its answer, waiting included",
    labelNames: ["kind"],
    buckets: SECONDS,
    registers,
  });
  const forward = new Histogram({
    name: "rediff_forward_seconds",
    help: "Forward passes",
    buckets: [0.001, ...SECONDS],
    registers,
  });
  const batch = new Histogram({
    name: "rediff_forward_requests",
    help: "Requests in a forward pass",
    buckets: [1, 2, 4, 8, 16, 32],
    registers,
  });
  const tokens = new Counter({
    name: "rediff_tokens_total",
    help: "Tokens written for the first time (fill) or again (revise)",
    labelNames: ["kind"],
    registers,
  });
  const perForward = new Histogram({
    name: "rediff_tokens_per_forward",
    help: "Tokens written for the first time in a forward pass, over all its requests",
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers,
  });
  const cachePasses = new Counter({
    name: "rediff_cache_passes_total",
    help: "Forward passes of requests with a cache: of all positions (full), or with some kept (cached)",
    labelNames: ["kind"],
    registers,
  });
  const cacheRows = new Counter({
    name: "rediff_cache_rows_total",
    help: "Positions in them: computed anew, or kept (hits)",
    labelNames: ["kind"],
    registers,
  });
  const graphs = new GraphMetrics(registry);
  const stalls = new LongestLately();
  new Gauge({
    name: "rediff_stall_seconds",
    help: "Longest time of the last minute between two forward passes for which requests under way waited",
    registers,
    collect() {
      this.set(stalls.value);
    },
  });
  const steps = new Counter({
    name: "rediff_steps_total",
    help: "Forward passes, each counted once for every request in it",
    registers,
  });

  const refused = new Counter({
    name: "rediff_refused_connections_total",
    help: "Connections beyond --max-connections, or for which there was no descriptor",
    registers,
  });

  return {
    registry,
    async timed(kind, work) {
      const stop = latency.startTimer({ kind });
      try {
        return await work();
      } finally {
        stop();
      }
    },
    answered: (route, status) => requests.inc({ route, status }),
    pass(pass) {
      forward.observe(pass.seconds);
      stalls.observe(pass.stall);
      batch.observe(pass.batch);
      perForward.observe(pass.filled);
      tokens.inc({ kind: "fill" }, pass.filled);
      tokens.inc({ kind: "revise" }, pass.revised);
      steps.inc(pass.batch);
      if (pass.graphs !== undefined) graphs.pass(pass.graphs);
      if (pass.cache === undefined) return;
      const { fullPasses, cachedPasses, rowsComputed, rowsKept } = pass.cache;
      cachePasses.inc({ kind: "full" }, fullPasses);
      cachePasses.inc({ kind: "cached" }, cachedPasses);
      cacheRows.inc({ kind: "computed" }, rowsComputed);
      cacheRows.inc({ kind: "kept" }, rowsKept);
    },
    watchBodies(bodies) {
      new Gauge({
        name: "rediff_body_bytes",
        help: "Bodies of the requests under way",
        registers,
        collect() {
          this.set(bodies.held);
        },
      });
    },
    watchConnections(listener) {
      new Gauge({
        name: "rediff_connections",
        help: "Clients that are connected",
        registers,
        collect() {
          this.set(listener.connections);
        },
      });
    },
    refusedConnection: () => refused.inc(),
    watch(engines) {
      const all = () => [...engines.values()];
      const sum = (read: (engine: Watched) => number) => () => all().reduce((total, engine) => total + read(engine), 0);
      const gauge = (name: string, help: string, read: () => number) =>
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(read());
          },
        });
      graphs.watch(sum(({ keptGraphs }) => keptGraphs));
      gauge(
        "rediff_queue_length",
        "Requests that wait for their turn",
        sum(({ queued }) => queued),
      );
      gauge(
        "rediff_running_requests",
        "Requests that are being prepared or decoded",
        sum(({ running }) => running),
      );
      gauge("rediff_ready", "1 while requests are taken", () =>
        Number(["ready", "idle"].includes(all()[0]?.status ?? "")),
      );
      gauge(
        "rediff_model_restarts",
        "Times that a model's process was started again",
        sum(({ restarts }) => restarts),
      );
      gauge(
        "rediff_cache_bytes",
        "Bytes of keys, values and features that requests under way keep",
        sum(({ cacheBytes }) => cacheBytes),
      );
      gauge(
        "rediff_live_tensors",
        "Tensors of the models' processes, but for those of kept pictures",
        sum(({ memory }) => memory.tensors),
      );
      gauge(
        "rediff_tensor_bytes",
        "Bytes behind them",
        sum(({ memory }) => memory.bytes),
      );
      gauge(
        "rediff_forgotten_tensors",
        "Tensors that only the garbage collector freed",
        sum(({ memory }) => memory.forgotten),
      );
      gauge(
        "rediff_kept_pictures",
        "Pictures and videos whose features are kept for the next question",
        sum(({ kept }) => kept.pictures),
      );
      gauge(
        "rediff_kept_picture_bytes",
        "Bytes of those features",
        sum(({ kept }) => kept.bytes),
      );
      new Counter({
        name: "rediff_pictures_total",
        help: "Pictures and videos of requests, by where their features came from: kept, or encoded",
        labelNames: ["features"],
        registers,
        collect() {
          this.reset();
          this.inc({ features: "kept" }, sum(({ kept }) => kept.found)());
          this.inc({ features: "encoded" }, sum(({ kept }) => kept.encoded)());
        },
      });
      new Gauge({
        name: "rediff_replicas",
        help: "Processes that hold a model: those that take requests (up), and those that are loaded or started again (away)",
        labelNames: ["model", "state"],
        registers,
        collect() {
          for (const [model, { replicas }] of engines) {
            const up = replicas.filter(({ isUp }) => isUp).length;
            this.set({ model, state: "up" }, up);
            this.set({ model, state: "away" }, replicas.length - up);
          }
        },
      });
      new Gauge({
        name: "rediff_model_up",
        help: "1 while the model is loaded and takes requests",
        labelNames: ["model"],
        registers,
        collect() {
          for (const [model, { status }] of engines) this.set({ model }, Number(status === "ready"));
        },
      });
    },
  };
}
