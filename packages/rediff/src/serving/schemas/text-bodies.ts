/** The bodies of /v1/refine and /v1/fill. */
import { z } from "zod";
import {
  asStored,
  cacheFields,
  diffusionFields,
  diffusionTrace,
  imageJoin,
  modelName,
  seed,
  temperature,
  text,
  url,
} from "./fields.js";

const stream = z.boolean().nullish().meta({ description: "answer with server-sent events, the result in the last" });

export const refineBody = z.strictObject({
  model: modelName,
  image: url,
  draft: text.min(1).meta({ description: "the text to repair" }),
  prompt: text.min(1).nullish().meta({ description: "the question that the text answers" }),
  rounds: z.int().min(1).max(100).nullish().meta({ description: "of correction, at most; default 8" }),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .meta({ description: "replace a token only when at least this sure of the other; default 0" }),
  keep: z.number().min(0).max(1).nullish().meta({
    description: "leave a token alone that the model finds at least this likely; default the model's, else 1",
  }),
  ...cacheFields,
  image_join: imageJoin,
  as_stored: asStored,
  stream,
  diffusion_trace: diffusionTrace,
});

export const fillBody = z.strictObject({
  model: modelName,
  image: url.nullish(),
  template: text.min(1).meta({ description: "text with blanks, [[N]] for N tokens: A [[2]] is at the [[2]]." }),
  prompt: text.min(1).nullish(),
  seed,
  temperature,
  ...diffusionFields,
  image_join: imageJoin,
  as_stored: asStored,
  stream,
  diffusion_trace: diffusionTrace,
});

export type RefineBody = z.output<typeof refineBody>;
export type FillBody = z.output<typeof fillBody>;
