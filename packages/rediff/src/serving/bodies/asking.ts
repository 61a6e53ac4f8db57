/** What a request's body is judged by, and what comes of it: plain values, as large bodies are read in a thread. */
import type { ModelFacts } from "../../inference/model-facts.js";
import type { RequestKind } from "../../inference/resolve.js";
import type { Job } from "../engine/protocol.js";
import { ApiError } from "../http/error-object.js";
import type { MediaOptions, MediaSource } from "../media/load-media.js";
import type { ServedModel } from "../served-model.js";

export interface Asking {
  /** The first answers requests that name none. `facts` is undefined while it is loaded for the first time. */
  models: readonly { model: ServedModel; facts: ModelFacts | undefined }[];
  media: MediaOptions;
}

/** A request, judged as far as it can be without a tokenizer and without looking into its pictures. */
export interface Asked<K extends RequestKind = RequestKind> {
  /** Its place in the list. */
  model: number;
  job: Job<K>;
  media: MediaSource[];
}

/** The model that a request names. @throws ApiError when there is none of that name, or while it is loaded for the first
 *  time */
export function modelFor(
  name: string | null | undefined,
  { models }: Asking,
): { place: number; model: ServedModel; facts: ModelFacts } {
  const place = name === undefined || name === null ? 0 : models.findIndex(({ model }) => model.id === name);
  const found = models[place];
  if (found === undefined) {
    const ids = models.map(({ model }) => JSON.stringify(model.id)).join(" and ");
    throw new ApiError(404, `there is no model ${JSON.stringify(name)}; this server has ${ids}`, {
      type: "not_found_error",
      code: "model_not_found",
      param: "model",
    });
  }
  const { model, facts } = found;
  if (facts !== undefined) return { place, model, facts };
  throw new ApiError(503, "the model is still loading", {
    type: "service_unavailable_error",
    code: "model_loading",
    headers: { "retry-after": "5" },
  });
}
