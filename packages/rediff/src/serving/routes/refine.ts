/** POST /v1/refine: a text and its picture in, the text repaired and what was changed out. */
import type { Hono } from "hono";
import { assertQuestion } from "../../inference/limits/text-room.js";
import { escapeMarkers } from "../../text/image-markers.js";
import type { AppEnv } from "../http/api-keys.js";
import { readJson } from "../http/request-body.js";
import { assertMedia, mediaReading, pictureSource } from "../media/load-media.js";
import { type Serving, servedFor } from "../route-context.js";
import { present } from "../schemas/fields.js";
import { refineBody } from "../schemas/text-bodies.js";
import { clientSignal } from "./client.js";

export function refineRoute(app: Hono<AppEnv>, serving: Serving): void {
  app.post("/v1/refine", async (c) => {
    const body = await readJson(c, serving, refineBody);
    const { engine, model, facts } = servedFor(body.model, serving);
    assertQuestion(facts, body.prompt);
    const media = [pictureSource(body.image, "image", serving.media)];
    assertMedia(media, facts, serving.media);
    const { prompt, rounds, threshold, image_join: imageJoin, as_stored: asStored } = body;
    const options = {
      maxPixels: serving.media.maxPixels,
      ...present({ prompt: prompt && escapeMarkers(prompt), rounds, threshold, imageJoin, asStored }),
    };
    const {
      text,
      edits,
      unread,
      promptUnread,
      rounds: used,
      seconds,
    } = await serving.metrics.timed("refine", () =>
      engine.submit<"refine">({
        job: { asked: { kind: "refine", draft: body.draft, options }, text: false, trace: false },
        client: c.get("client"),
        signal: clientSignal(c).signal,
        visuals: mediaReading(media, options, serving.media),
      }),
    );
    return c.json({
      ...{ text, edits, unread, rounds: used, seconds, model: model.id },
      ...(promptUnread.length > 0 && { prompt_unread: promptUnread }),
    });
  });
}
