/** Graphs are shown where there are any. */
import { expect, test } from "vitest";
import type { ForwardPass } from "../inference/batcher.js";
import { createMetrics } from "./metrics.js";

const pass: ForwardPass = { batch: 1, filled: 1, revised: 0, seconds: 0.1, stall: 0 };
const engine = {
  ...{ queued: 0, running: 0, status: "ready" as const, restarts: 0, cacheBytes: 0, replicas: [] },
  memory: { tensors: 0, bytes: 0, forgotten: 0 },
  kept: { pictures: 0, bytes: 0, found: 0, encoded: 0 },
};

test("a server without graphs has no metrics of them, and one with graphs counts them from the first pass on", async () => {
  const metrics = createMetrics();
  const lines = async () =>
    (await metrics.registry.metrics()).split("\n").filter((line) => /^rediff_\w*graph/.test(line));
  const engines = new Map([
    ["one", { ...engine, keptGraphs: 0 }],
    ["two", { ...engine, keptGraphs: 3 }],
  ]);
  metrics.watch(engines);
  metrics.pass(pass);
  expect(await lines()).toEqual([]);
  metrics.pass({ ...pass, graphs: { ordinary: 1, captured: 0, replayed: 0 } });
  metrics.pass({ ...pass, graphs: { ordinary: 0, captured: 1, replayed: 0 } });
  for (let i = 0; i < 2; i++) metrics.pass({ ...pass, graphs: { ordinary: 0, captured: 0, replayed: 1 } });
  engines.set("one", { ...engine, keptGraphs: 2 });
  expect(await lines()).toEqual([
    "rediff_kept_graphs 5",
    'rediff_graph_passes_total{kind="ordinary"} 1',
    'rediff_graph_passes_total{kind="captured"} 1',
    'rediff_graph_passes_total{kind="replayed"} 2',
  ]);
});
