/** What the routes share. */
import type { Engine } from "./engine/engine.js";
import type { ServedFacts } from "./engine/protocol.js";
import { ApiError } from "./http/error-object.js";
import type { MediaOptions } from "./media/load-media.js";
import type { Metrics } from "./metrics.js";

export interface Serving {
  engine: Engine;
  metrics: Metrics;
  model: ServedModel;
  media: MediaOptions;
  /** Bytes of a request. */
  bodyLimit: number;
  log: (line: string) => void;
}

export interface ServedModel {
  id: string;
  /** Part of rediff itself. */
  embedded: boolean;
  /** Trained to refine (ReDiff). */
  revises: boolean;
  /** Tokens of an answer when a request does not say; default the model's own. */
  genLength: number | undefined;
}

/** @throws ApiError while the model is loaded for the first time */
export function factsOf({ engine }: Serving): ServedFacts {
  if (engine.facts !== undefined) return engine.facts;
  throw new ApiError(503, "the model is still loading", {
    type: "service_unavailable_error",
    code: "model_loading",
    headers: { "retry-after": "5" },
  });
}

/** @throws ApiError when another model is asked for */
export function assertModel(name: string | null | undefined, { model }: Serving): void {
  if (name === undefined || name === null || name === model.id) return;
  throw new ApiError(404, `there is no model ${JSON.stringify(name)}; this server has ${JSON.stringify(model.id)}`, {
    type: "not_found_error",
    code: "model_not_found",
    param: "model",
  });
}
