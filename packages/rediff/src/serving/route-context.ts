/** What the routes share. */
import type { Asking } from "./bodies/asking.js";
import type { Engine } from "./engine/engine.js";
import type { Bodies } from "./http/request-body.js";
import type { MediaOptions } from "./media/load-media.js";
import type { Redraws } from "./media/redraws.js";
import type { Metrics } from "./metrics.js";
import type { ModelPulls } from "./pulling/model-pulls.js";
import type { ServedModel } from "./served-model.js";

export interface Serving extends Bodies {
  /** The first answers requests that name none. Others may be added behind while the server runs; none goes. */
  served: readonly [Served, ...Served[]];
  metrics: Metrics;
  media: MediaOptions;
  redraws: Redraws;
  /** Where further models may be pulled. */
  pulls?: ModelPulls | undefined;
  /** What started this server, as typed, for people who have to start it again. */
  command: string | undefined;
  log: (line: string) => void;
}

/** A model, and who answers for it. */
export interface Served {
  model: ServedModel;
  engine: Engine;
}

/** What bodies are judged by at this moment. */
export const askingOf = ({ served, media }: Serving): Asking => ({
  models: served.map(({ model, engine }) => ({ model, facts: engine.facts })),
  media,
});

/** Who answers. @param place of the model */
export function servedAt(place: number, { served }: Serving): Served {
  return served[place] ?? served[0];
}
