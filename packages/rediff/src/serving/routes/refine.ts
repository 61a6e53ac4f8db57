/** POST /v1/refine: a text and its picture in, the text repaired and what was changed out. */
import type { Hono } from "hono";
import type { AppEnv } from "../http/api-keys.js";
import { readJson } from "../http/request-body.js";
import { assertMedia, mediaReading, pictureSource } from "../media/load-media.js";
import { assertModel, factsOf, type Serving } from "../route-context.js";
import { present } from "../schemas/fields.js";
import { refineBody } from "../schemas/text-bodies.js";
import { clientSignal } from "./client.js";

export function refineRoute(app: Hono<AppEnv>, serving: Serving): void {
  app.post("/v1/refine", async (c) => {
    const facts = factsOf(serving);
    const body = await readJson(c, serving.bodyLimit, refineBody);
    assertModel(body.model, serving);
    const media = [pictureSource(body.image, "image", serving.media)];
    assertMedia(media, facts, serving.media);
    const { prompt, rounds, threshold, image_join: imageJoin } = body;
    const options = { maxPixels: serving.media.maxPixels, ...present({ prompt, rounds, threshold, imageJoin }) };
    const { text, edits, ...rest } = await serving.metrics.timed("refine", () =>
      serving.engine.submit<"refine">({
        job: { asked: { kind: "refine", draft: body.draft, options }, text: false, trace: false },
        client: c.get("client"),
        signal: clientSignal(c).signal,
        visuals: mediaReading(media, options, serving.media),
      }),
    );
    return c.json({ text, edits, rounds: rest.rounds, seconds: rest.seconds, model: serving.model.id });
  });
}
