/** POST /v1/fill: a template with blanks in, the text out; every fixed character stays. */
import type { Hono } from "hono";
import { assertQuestion } from "../../inference/limits/text-room.js";
import { traceEndOfFilling, traceStart } from "../../inference/trace.js";
import type { TraceEvent } from "../../inference/trace-format.js";
import { escapeMarkers } from "../../text/image-markers.js";
import type { AppEnv } from "../http/api-keys.js";
import { readJson } from "../http/request-body.js";
import { assertMedia, mediaReading, pictureSource } from "../media/load-media.js";
import { type Serving, servedFor } from "../route-context.js";
import { present } from "../schemas/fields.js";
import { fillBody } from "../schemas/text-bodies.js";
import { assertSteps, diffusionOptions } from "./chat-job.js";
import { clientSignal } from "./client.js";

export function fillRoute(app: Hono<AppEnv>, serving: Serving): void {
  app.post("/v1/fill", async (c) => {
    const body = await readJson(c, serving, fillBody);
    const { engine, model, facts } = servedFor(body.model, serving);
    assertSteps(body, facts.maxPositions);
    assertQuestion(facts, body.prompt);
    const { image, prompt } = body;
    const media = image === undefined || image === null ? [] : [pictureSource(image, "image", serving.media)];
    assertMedia(media, facts, serving.media);
    const options = {
      maxPixels: serving.media.maxPixels,
      ...diffusionOptions(body),
      ...present({ prompt: prompt && escapeMarkers(prompt) }),
    };
    const trace: TraceEvent[] = [];
    let given = 0;
    const filling = await serving.metrics.timed("fill", () =>
      engine.submit<"fill">({
        job: {
          asked: { kind: "fill", template: body.template, options },
          text: false,
          trace: body.diffusion_trace ?? false,
        },
        client: c.get("client"),
        signal: clientSignal(c).signal,
        visuals: mediaReading(media, options, serving.media),
        onBegun(beginning) {
          given = beginning.given?.length ?? 0;
          trace.push(traceStart(beginning));
        },
        onTrace: (step) => trace.push(step),
      }),
    );
    trace.push(traceEndOfFilling(filling, given));
    const { text, blanks, unread, promptUnread, steps, seconds } = filling;
    const answer = { text, blanks, unread, steps, seconds, model: model.id };
    return c.json({
      ...answer,
      ...(promptUnread.length > 0 && { prompt_unread: promptUnread }),
      ...(body.diffusion_trace && { diffusion: trace }),
    });
  });
}
