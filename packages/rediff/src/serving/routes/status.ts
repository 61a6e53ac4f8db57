/** Whether the server lives, whether it is ready, what it measures, which model it has. */
import type { Hono } from "hono";
import { modelDefaults } from "../../inference/model-facts.js";
import type { AppEnv } from "../http/api-keys.js";
import { openApi } from "../openapi.js";
import type { Serving } from "../route-context.js";

export function statusRoutes(app: Hono<AppEnv>, { engine, model, metrics }: Serving): void {
  app.get("/health", (c) => c.json({ status: "ok" }));

  app.get("/ready", (c) =>
    engine.status === "ready"
      ? c.json({ status: "ready", model: model.id })
      : c.json({ status: engine.status }, 503, { "retry-after": "5" }),
  );

  app.get("/metrics", async (c) =>
    c.text(await metrics.registry.metrics(), 200, { "content-type": metrics.registry.contentType }),
  );

  app.get("/openapi.json", (c) => c.json(openApi()));
}

export function modelRoutes(app: Hono<AppEnv>, { engine, model }: Serving): void {
  const created = Math.floor(Date.now() / 1000);
  const entry = () => {
    const { facts } = engine;
    const defaults = facts && modelDefaults(facts);
    return {
      id: model.id,
      object: "model",
      created,
      owned_by: "rediff",
      rediff: {
        revises: model.revises,
        embedded: model.embedded,
        image_size: facts?.tiling?.tileSize ?? 0,
        max_length: facts?.maxPositions ?? 0,
        default_gen_length: model.genLength ?? defaults?.genLength ?? 0,
        scene_world: facts?.sceneWorld ?? false,
        image_join: defaults?.imageJoin ?? null,
      },
    };
  };
  app.get("/v1/models", (c) => c.json({ object: "list", data: [entry()] }));
  // Ids of the hub have a slash in them.
  app.get("/v1/models/:id{.+}", (c) => (c.req.param("id") === model.id ? c.json(entry()) : c.notFound()));
}
