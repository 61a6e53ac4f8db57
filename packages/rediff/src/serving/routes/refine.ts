/** POST /v1/refine: a text and its picture in, the text repaired and what was changed out. */
import type { Hono } from "hono";
import type { AppEnv } from "../http/api-keys.js";
import { readJson } from "../http/request-body.js";
import { assertMedia, loadMedia, pictureSource } from "../media/load-media.js";
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
    const { prompt, rounds, threshold } = body;
    const { text, edits, ...rest } = await serving.metrics.timed("refine", () =>
      serving.engine.submit({
        job: {
          kind: "refine",
          draft: body.draft,
          options: {
            imageJoin: body.image_join ?? facts.imageJoin,
            ...present({ prompt, rounds, threshold }),
          },
        },
        client: c.get("client"),
        signal: clientSignal(c).signal,
        visuals: (pools, known, signal) => loadMedia(media, pools, known, serving.media, signal),
      }),
    );
    return c.json({ text, edits, rounds: rest.rounds, seconds: rest.seconds, model: serving.model.id });
  });
}
