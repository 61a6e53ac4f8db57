/** The question as the original's wrapper hands it to the model, and the answer as it leaves the wrapper. */
import { z } from "zod";
import { answerText, modelQuestion } from "../../../evaluation/model-question.js";

const schema = z.looseObject({
  context: z.string(),
  pictures: z.array(z.union([z.string(), z.tuple([z.number(), z.number()])])),
  settings: z.looseObject({
    think_mode: z.string().optional(),
    steps: z.number().optional(),
    gen_steps: z.number().optional(),
    stopping_criteria: z.union([z.string(), z.array(z.string())]).optional(),
    until: z.unknown().optional(),
    image_aspect_ratio: z.unknown().optional(),
  }),
  raw_text: z.string(),
});

/** What the wrapper fills in where nothing is set. */
const defaults = { temperature: 0, cfg: 0, remasking: "low_confidence", gen_length: 2, block_length: 2 };

export function wrapped(prediction: Record<string, unknown>): unknown {
  const { context, pictures, settings, raw_text } = schema.parse(prediction);
  const { until: _, image_aspect_ratio: __, stopping_criteria = [], ...passed } = settings;
  const sizes = pictures.filter((picture) => typeof picture !== "string");
  const [video] = pictures.filter((picture) => typeof picture === "string");
  const thinking = (["think", "no_think"] as const).find((mode) => mode === settings.think_mode);
  const { text, pictureMode, stop } = modelQuestion(
    context,
    video === undefined ? { pictures: sizes.length } : { video },
    { stop: [stopping_criteria].flat(), ...(thinking === undefined ? {} : { thinking }) },
  );
  return {
    messages: [
      ["user", text],
      ["assistant", null],
    ],
    picture_mode: { checkpoint: "anyres_max_4", pad: "pad", video: null, none: null }[pictureMode],
    pictures: pictures.length || null,
    sampler: {
      use_cache: false,
      ...defaults,
      ...passed,
      steps: settings.steps ?? settings.gen_steps ?? 2,
      ...(stop.length > 0 ? { stopping_criteria: stop } : {}),
      ...(sizes.length > 0 ? { image_sizes: sizes } : {}),
      ...(video === undefined ? {} : { modalities: ["video"] }),
    },
    text: answerText(raw_text),
  };
}
