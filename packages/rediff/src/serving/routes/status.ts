/** Whether the server lives, whether it is ready, what it measures, which models it has. */
import type { Hono } from "hono";
import { DEFAULT_SEED } from "../../diffusion/decode-options.js";
import { modelDefaults } from "../../inference/model-facts.js";
import { largestView } from "../../vision/tiles/anyres.js";
import type { AppEnv } from "../http/api-keys.js";
import { openApi } from "../openapi.js";
import { dtypeOf } from "../residency/model-bytes.js";
import type { Served, Serving } from "../route-context.js";
import { asksFromThisMachine, toldTo } from "./client.js";

/** Ready is who answers requests that name no model, in one of its replicas at least. The others are told beside it where
 *  there are any: one that is loaded later, or has crashed, keeps nobody from asking the first. */
export function statusRoutes(app: Hono<AppEnv>, { served, metrics }: Serving): void {
  const [{ engine, model }] = served;
  const all = () =>
    served.length > 1 && { models: Object.fromEntries(served.map((each) => [each.model.id, each.engine.status])) };

  const replicas = () => {
    const all = engine.replicas;
    return all.length > 1 && { replicas: { up: all.filter(({ isUp }) => isUp).length, of: all.length } };
  };
  app.get("/health", (c) => c.json({ status: "ok", ...replicas() }));

  app.get("/ready", (c) =>
    // One that was unloaded is loaded by the request that asks for it.
    engine.status === "ready" || engine.status === "idle"
      ? c.json({ status: "ready", model: model.id, ...all() })
      : c.json({ status: engine.status, ...all() }, 503, { "retry-after": "5" }),
  );

  // Milliseconds of work: many who ask at once have the same.
  let measured: Promise<string> | undefined;
  app.get("/metrics", async (c) => {
    measured ??= metrics.registry.metrics().finally(() => {
      measured = undefined;
    });
    return c.text(await measured, 200, { "content-type": metrics.registry.contentType });
  });

  let described: string | undefined;
  app.get("/openapi.json", (c) => {
    described ??= JSON.stringify(openApi());
    return c.body(described, 200, { "content-type": "application/json" });
  });
}

export function modelRoutes(app: Hono<AppEnv>, { served, command, pulls }: Serving): void {
  const created = Math.floor(Date.now() / 1000);
  const list = (isOwner: boolean) => served.map((each) => entryOf(each, created, isOwner));
  app.get("/v1/models", (c) => {
    const isOwner = asksFromThisMachine(c);
    const about = {
      ...(command !== undefined && isOwner && { command }),
      /** Further models can be pulled: /v1/pulls. */
      ...(pulls !== undefined && { pull: true }),
    };
    return c.json({
      object: "list",
      data: list(isOwner),
      ...(Object.keys(about).length > 0 && { rediff: about }),
    });
  });
  // Ids of the hub have a slash in them.
  app.get("/v1/models/:id{.+}", (c) => {
    const found = list(asksFromThisMachine(c)).find(({ id }) => id === c.req.param("id"));
    return found === undefined ? c.notFound() : c.json(found);
  });
}

function entryOf({ engine, model }: Served, created: number, isOwner: boolean) {
  const { facts, failure } = engine;
  const { load } = engine.options;
  const defaults = facts && modelDefaults(facts);
  return {
    id: model.id,
    object: "model",
    created,
    owned_by: "rediff",
    rediff: {
      title: model.title ?? model.id,
      /** "idle": loaded when a request names it. */
      status: engine.status,
      /** So far, of one that is being loaded. */
      loading_seconds: engine.loadingSeconds ?? null,
      /** Why it could not be loaded when it was last asked for. */
      problem: failure === undefined ? null : toldTo(isOwner, failure.line),
      dtype: dtypeOf(load, (facts?.quantization ?? load.quantize) !== undefined),
      revises: model.revises,
      embedded: model.embedded,
      image_size: facts?.tiling?.tileSize ?? 0,
      /** Pixels along a side of the largest picture that it sees anything more of. */
      largest_view: facts?.tiling === undefined ? 0 : largestView(facts.tiling),
      max_length: facts?.maxPositions ?? 0,
      default_gen_length: Math.min(
        model.genLength ?? defaults?.genLength ?? 0,
        model.maxAnswer ?? Number.POSITIVE_INFINITY,
      ),
      /** Tokens of the longest answer that a request may have; null for what there is room for. */
      max_answer: model.maxAnswer ?? null,
      default_seed: DEFAULT_SEED,
      scene_world: facts?.sceneWorld ?? false,
      /** What its weights are rounded to, "int8" or "int4", or will be when it is loaded: answers are approximate. */
      quantize: facts?.quantization ?? load.quantize ?? null,
      /** Requests that ask for no speed or cache of their own are answered as with `fast`. */
      fast: model.fast ?? false,
      converses: facts?.defaults.converses ?? true,
      image_join: defaults?.imageJoin ?? null,
    },
  };
}
