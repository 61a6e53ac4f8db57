/** POST /v1/fill: a template with blanks in, the text out; every fixed character stays. */
import type { Hono } from "hono";
import { parseTemplate } from "../../inference/template/fill-template.js";
import type { AppEnv } from "../http/api-keys.js";
import { ApiError } from "../http/error-object.js";
import { readJson } from "../http/request-body.js";
import { assertMedia, loadMedia, pictureSource } from "../media/load-media.js";
import { assertModel, factsOf, type Serving } from "../route-context.js";
import { present } from "../schemas/fields.js";
import { fillBody } from "../schemas/text-bodies.js";
import { traceStart } from "./chat.js";
import { diffusionOptions } from "./chat-job.js";
import { clientSignal } from "./client.js";

export function fillRoute(app: Hono<AppEnv>, serving: Serving): void {
  app.post("/v1/fill", async (c) => {
    const facts = factsOf(serving);
    const body = await readJson(c, serving.bodyLimit, fillBody);
    assertModel(body.model, serving);
    assertLength(body.template, facts.maxLength);
    const { image, prompt } = body;
    const media = image === undefined || image === null ? [] : [pictureSource(image, "image", serving.media)];
    assertMedia(media, facts, serving.media);
    const trace: unknown[] = [];
    const result = await serving.metrics.timed("fill", () =>
      serving.engine.submit({
        job: {
          kind: "fill",
          template: body.template,
          trace: body.diffusion_trace ?? false,
          options: {
            imageJoin: body.image_join ?? facts.imageJoin,
            ...diffusionOptions(body, facts),
            ...present({ prompt }),
          },
        },
        client: c.get("client"),
        signal: clientSignal(c).signal,
        visuals: (pools, known, signal) => loadMedia(media, pools, known, serving.media, signal),
        onBegun: (beginning) => trace.push(traceStart(beginning)),
        onTrace: (step) => trace.push(step),
      }),
    );
    const { text, blanks, tokens, steps, seconds } = result;
    trace.push({ type: "end", text, steps, tokens, edits: 0, seconds, stopped: false });
    const answer = { text, blanks, steps, seconds, model: serving.model.id };
    return c.json({ ...answer, ...(body.diffusion_trace && { diffusion: trace }) });
  });
}

/** A blank of a billion tokens is refused before anything is made of it. */
function assertLength(template: string, maxLength: number): void {
  const asked = parseTemplate(template).reduce((sum, part) => sum + (part.kind === "blank" ? part.tokens : 0), 0);
  if (asked < maxLength) return;
  throw new ApiError(400, `template: blanks of ${asked} tokens do not fit into the model's ${maxLength} positions`, {
    param: "template",
    code: "context_length_exceeded",
  });
}
