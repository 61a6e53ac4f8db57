/** POST /v1/fill: a template with blanks in, the text out; every fixed character stays. */
import type { Hono } from "hono";
import { namedApproximations } from "../../inference/request-record.js";
import { traceEndOfFilling } from "../../inference/trace.js";
import type { AppEnv } from "../http/api-keys.js";
import { readAsked } from "../http/request-body.js";
import { mediaReading } from "../media/load-media.js";
import { askingOf, type Serving, servedAt } from "../route-context.js";
import { textAnswer } from "./text-answer.js";

export function fillRoute(app: Hono<AppEnv>, serving: Serving): void {
  app.post("/v1/fill", async (c) => {
    const { model: place, job, media, stream } = await readAsked(c, serving, "fill", () => askingOf(serving));
    const { engine, model } = servedAt(place, serving);
    return await textAnswer(c, {
      ...{ kind: "fill", serving, stream, trace: job.trace, end: traceEndOfFilling },
      submit: (signal, listeners) =>
        engine.submit<"fill">({
          ...{ job, client: c.get("client"), signal },
          visuals: mediaReading(media, job.asked.options, serving.media),
          ...listeners,
        }),
      body(filling) {
        const { text, blanks, unread, promptUnread, steps, seconds } = filling;
        return {
          ...{ text, blanks, unread, steps, seconds, model: model.id },
          ...(promptUnread.length > 0 && { prompt_unread: promptUnread }),
          ...namedApproximations(filling),
        };
      },
    });
  });
}
