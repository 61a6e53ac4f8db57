/** /v1/pulls: models of the hub are added while the server runs. A pull goes on whoever asks for it, and is asked after. */
import type { Context, Hono } from "hono";
import type { AppEnv } from "../http/api-keys.js";
import { ApiError, clip } from "../http/error-object.js";
import { type BodyBounds, readJsonBody } from "../http/request-body.js";
import type { ModelPulls, PullRecord } from "../pulling/model-pulls.js";
import type { Serving } from "../route-context.js";
import { pullBody } from "../schemas/pull-body.js";
import { asksFromThisMachine, toldTo } from "./client.js";

export function pullRoutes(app: Hono<AppEnv>, serving: Pick<Serving, "pulls" | keyof BodyBounds>): void {
  const pulls = (): ModelPulls => {
    if (serving.pulls !== undefined) return serving.pulls;
    throw new ApiError(403, "no models are added to this server; start it with --allow-pull to let clients pull them", {
      code: "pull_not_allowed",
    });
  };
  app.get("/v1/pulls", (c) => c.json({ object: "list", data: pulls().records.map((record) => shown(record, c)) }));

  app.post("/v1/pulls", async (c) => {
    const own = pulls();
    const { model } = await readJsonBody(c, serving, pullBody);
    return c.json(shown(own.begin(model), c), 202);
  });

  app.post("/v1/pulls/:id/cancel", async (c) => {
    const id = c.req.param("id");
    const record = await pulls().cancel(id);
    if (record !== undefined) return c.json(shown(record, c));
    throw new ApiError(404, `there is no pull ${clip(id)}`, { type: "not_found_error", code: "pull_not_found" });
  });
}

function shown({ id, model, created, status, bytes, totalBytes, note, problem }: PullRecord, c: Context<AppEnv>) {
  const tell = (text: string) => toldTo(asksFromThisMachine(c), text);
  return {
    ...{ id, object: "rediff.pull", model, created, status },
    bytes: bytes ?? null,
    total_bytes: totalBytes ?? null,
    note: note === undefined || status !== "running" ? null : tell(note),
    error: problem === undefined ? null : new ApiError(400, tell(problem.line), { code: "pull_failed" }).body.error,
  };
}
