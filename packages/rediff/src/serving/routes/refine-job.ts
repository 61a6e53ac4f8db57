/** From the body of /v1/refine to a job for the model. */
import { assertQuestion } from "../../inference/limits/text-room.js";
import { escapeMarkers } from "../../text/image-markers.js";
import { type Asked, type Asking, modelFor } from "../bodies/asking.js";
import { assertMedia, pictureSource } from "../media/load-media.js";
import { present } from "../schemas/fields.js";
import type { RefineBody } from "../schemas/text-bodies.js";
import { cacheOptionsOf } from "./chat-job.js";

export interface RefineAsked extends Asked<"refine"> {
  stream: boolean;
}

export function refineAsked(body: RefineBody, asking: Asking): RefineAsked {
  const { place, model, facts } = modelFor(body.model, asking);
  assertQuestion(facts, body.prompt);
  const media = [pictureSource(body.image, "image", asking.media)];
  assertMedia(media, facts, asking.media);
  const { prompt, rounds, threshold, keep, image_join: imageJoin, as_stored: asStored } = body;
  const options = {
    maxPixels: asking.media.maxPixels,
    ...present({ prompt: prompt && escapeMarkers(prompt), rounds, threshold, keep, imageJoin, asStored }),
    ...cacheOptionsOf({ ...body, threshold: undefined }, model), // its threshold is of another kind
  };
  return {
    model: place,
    media,
    stream: body.stream ?? false,
    job: {
      asked: { kind: "refine", draft: body.draft, options },
      text: false,
      trace: body.diffusion_trace ?? false,
      longest: model.maxAnswer,
    },
  };
}
