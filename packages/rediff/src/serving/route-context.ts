/** What the routes share. */
import type { ModelFacts } from "../inference/model-facts.js";
import type { Engine } from "./engine/engine.js";
import { ApiError } from "./http/error-object.js";
import type { BodyLimits } from "./http/request-body.js";
import type { MediaOptions } from "./media/load-media.js";
import type { Redraws } from "./media/redraws.js";
import type { Metrics } from "./metrics.js";

export interface Serving extends BodyLimits {
  /** The first answers requests that name none. */
  served: readonly [Served, ...Served[]];
  metrics: Metrics;
  media: MediaOptions;
  redraws: Redraws;
  /** What started this server, as typed, for people who have to start it again. */
  command: string | undefined;
  log: (line: string) => void;
}

/** A model, and who answers for it. */
export interface Served {
  model: ServedModel;
  engine: Engine;
}

export interface ServedModel {
  id: string;
  /** For people; default its id. */
  title?: string | undefined;
  /** Part of rediff itself. */
  embedded: boolean;
  /** Trained to refine (ReDiff). */
  revises: boolean;
  /** Tokens of an answer when a request does not say; default the model's own. */
  genLength: number | undefined;
}

/** The model that a request names. @throws ApiError when there is none of that name, or while it is loaded for the first
 *  time */
export function servedFor(name: string | null | undefined, { served }: Serving): Served & { facts: ModelFacts } {
  const found = name === undefined || name === null ? served[0] : served.find(({ model }) => model.id === name);
  if (found === undefined) {
    const ids = served.map(({ model }) => JSON.stringify(model.id)).join(" and ");
    throw new ApiError(404, `there is no model ${JSON.stringify(name)}; this server has ${ids}`, {
      type: "not_found_error",
      code: "model_not_found",
      param: "model",
    });
  }
  const { facts } = found.engine;
  if (facts !== undefined) return { ...found, facts };
  throw new ApiError(503, "the model is still loading", {
    type: "service_unavailable_error",
    code: "model_loading",
    headers: { "retry-after": "5" },
  });
}
