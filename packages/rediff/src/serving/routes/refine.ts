/** POST /v1/refine: a text and its picture in, the text repaired and what was changed out. */
import type { Hono } from "hono";
import { namedApproximations } from "../../inference/request-record.js";
import { traceEndOfRefinement } from "../../inference/trace.js";
import type { AppEnv } from "../http/api-keys.js";
import { readAsked } from "../http/request-body.js";
import { mediaReading } from "../media/load-media.js";
import { askingOf, type Serving, servedAt } from "../route-context.js";
import { textAnswer } from "./text-answer.js";

export function refineRoute(app: Hono<AppEnv>, serving: Serving): void {
  app.post("/v1/refine", async (c) => {
    const { model: place, job, media, stream } = await readAsked(c, serving, "refine", () => askingOf(serving));
    const { engine, model } = servedAt(place, serving);
    return await textAnswer(c, {
      ...{ kind: "refine", serving, stream, trace: job.trace, end: traceEndOfRefinement },
      submit: (signal, listeners) =>
        engine.submit<"refine">({
          ...{ job, client: c.get("client"), signal },
          visuals: mediaReading(media, job.asked.options, serving.media),
          ...listeners,
        }),
      body(refined) {
        const { text, edits, unread, promptUnread, rounds, seconds } = refined;
        return {
          ...{ text, edits, unread, rounds, seconds, model: model.id },
          ...(promptUnread.length > 0 && { prompt_unread: promptUnread }),
          ...namedApproximations(refined),
        };
      },
    });
  });
}
