/** POST /v1/fill: a template with blanks in, the text out; every fixed character stays. */
import type { Hono } from "hono";
import { namedApproximations } from "../../inference/request-record.js";
import { traceEndOfFilling, traceStart } from "../../inference/trace.js";
import type { TraceEvent } from "../../inference/trace-format.js";
import type { AppEnv } from "../http/api-keys.js";
import { readAsked } from "../http/request-body.js";
import { mediaReading } from "../media/load-media.js";
import { askingOf, type Serving, servedAt } from "../route-context.js";
import { clientSignal } from "./client.js";

export function fillRoute(app: Hono<AppEnv>, serving: Serving): void {
  app.post("/v1/fill", async (c) => {
    const { model: place, job, media } = await readAsked(c, serving, "fill", () => askingOf(serving));
    const { engine, model } = servedAt(place, serving);
    const trace: TraceEvent[] = [];
    let given = 0;
    const filling = await serving.metrics.timed("fill", () =>
      engine.submit<"fill">({
        job,
        client: c.get("client"),
        signal: clientSignal(c).signal,
        visuals: mediaReading(media, job.asked.options, serving.media),
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
      ...namedApproximations(filling),
      ...(job.trace && { diffusion: trace }),
    });
  });
}
