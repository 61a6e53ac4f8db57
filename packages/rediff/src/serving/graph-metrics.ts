/** What becomes of passes where graphs are on (docs/kernels.md). Nothing is shown before there was such a pass: a server without
 *  graphs has no such names. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { GraphUse } from "../diffusion/pass/captured-passes.js";

export class GraphMetrics {
  readonly #registry: Registry;
  #passes: Counter<"kind"> | undefined;
  #kept: () => number = () => 0;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  pass({ ordinary, captured, replayed }: GraphUse): void {
    this.#passes ??= this.#begin();
    this.#passes.inc({ kind: "ordinary" }, ordinary);
    this.#passes.inc({ kind: "captured" }, captured);
    this.#passes.inc({ kind: "replayed" }, replayed);
  }

  /** @param kept how many graphs there are at that moment */
  watch(kept: () => number): void {
    this.#kept = kept;
  }

  #begin(): Counter<"kind"> {
    const registers = [this.#registry];
    const kept = () => this.#kept();
    new Gauge({
      name: "rediff_kept_graphs",
      help: "Captured passes that are kept to be replayed",
      registers,
      collect() {
        this.set(kept());
      },
    });
    return new Counter({
      name: "rediff_graph_passes_total",
      help: "Forward passes, by what became of them: captured (and replayed at once), replayed, or computed operator by operator (ordinary)",
      labelNames: ["kind"],
      registers,
    });
  }
}
