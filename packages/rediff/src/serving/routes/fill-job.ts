/** From the body of /v1/fill to a job for the model. */
import { assertQuestion } from "../../inference/limits/text-room.js";
import { escapeMarkers } from "../../text/image-markers.js";
import { type Asked, type Asking, modelFor } from "../bodies/asking.js";
import { assertMedia, pictureSource } from "../media/load-media.js";
import { present } from "../schemas/fields.js";
import type { FillBody } from "../schemas/text-bodies.js";
import { assertSteps, diffusionOptions } from "./chat-job.js";

export interface FillAsked extends Asked<"fill"> {
  stream: boolean;
}

export function fillAsked(body: FillBody, asking: Asking): FillAsked {
  const { place, model, facts } = modelFor(body.model, asking);
  assertSteps(body, facts.maxPositions);
  assertQuestion(facts, body.prompt);
  const { image, prompt, template } = body;
  const media = image === undefined || image === null ? [] : [pictureSource(image, "image", asking.media)];
  assertMedia(media, facts, asking.media);
  const options = {
    maxPixels: asking.media.maxPixels,
    ...diffusionOptions(body, model),
    ...present({ prompt: prompt && escapeMarkers(prompt) }),
  };
  return {
    model: place,
    media,
    stream: body.stream ?? false,
    job: {
      asked: { kind: "fill", template, options },
      text: false,
      trace: body.diffusion_trace ?? false,
      longest: model.maxAnswer,
    },
  };
}
