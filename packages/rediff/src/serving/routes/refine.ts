/** POST /v1/refine: a text and its picture in, the text repaired and what was changed out. */
import type { Hono } from "hono";
import { namedApproximations } from "../../inference/request-record.js";
import type { AppEnv } from "../http/api-keys.js";
import { readAsked } from "../http/request-body.js";
import { mediaReading } from "../media/load-media.js";
import { askingOf, type Serving, servedAt } from "../route-context.js";
import { clientSignal } from "./client.js";

export function refineRoute(app: Hono<AppEnv>, serving: Serving): void {
  app.post("/v1/refine", async (c) => {
    const { model: place, job, media } = await readAsked(c, serving, "refine", () => askingOf(serving));
    const { engine, model } = servedAt(place, serving);
    const refined = await serving.metrics.timed("refine", () =>
      engine.submit<"refine">({
        job,
        client: c.get("client"),
        signal: clientSignal(c).signal,
        visuals: mediaReading(media, job.asked.options, serving.media),
      }),
    );
    const { text, edits, unread, promptUnread, rounds: used, seconds } = refined;
    return c.json({
      ...{ text, edits, unread, rounds: used, seconds, model: model.id },
      ...(promptUnread.length > 0 && { prompt_unread: promptUnread }),
      ...namedApproximations(refined),
    });
  });
}
