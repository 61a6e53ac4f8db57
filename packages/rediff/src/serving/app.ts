/** All routes, and what holds for each of them: keys, CORS, errors, counting. Needs no socket: tests call `request`. */
import { Hono } from "hono";
import { cors } from "hono/cors";
import { printable } from "../printable.js";
import { answerOnlyAs } from "./http/allowed-hosts.js";
import { type AppEnv, authenticate } from "./http/api-keys.js";
import { ApiError, clip, errorResponse, toApiError } from "./http/error-object.js";
import { closeBehindUnread } from "./http/last-words.js";
import type { Serving } from "./route-context.js";
import { chatRoute } from "./routes/chat.js";
import { ClientGone } from "./routes/client.js";
import { fillRoute } from "./routes/fill.js";
import { pictureRoute } from "./routes/pictures.js";
import { pullRoutes } from "./routes/pulls.js";
import { refineRoute } from "./routes/refine.js";
import { sceneRoutes } from "./routes/scenes.js";
import { modelRoutes, statusRoutes } from "./routes/status.js";
import { studioRoutes } from "./routes/studio.js";

export interface AppOptions {
  /** Without any, everybody is let in. */
  apiKeys: readonly string[];
  /** Besides loopback's; undefined answers under every name. */
  allowedHosts?: readonly string[] | undefined;
  /** Pages of these origins may use the API; "*" for all. */
  corsOrigins: readonly string[];
  /** Instead of the place where the package has it. */
  studioFolder?: string | undefined;
  /** A line per request. */
  accessLog: boolean;
}

/** Routes by which requests are counted; what is asked for besides may be anything. */
const POSTS = ["/v1/chat/completions", "/v1/refine", "/v1/fill", "/v1/pictures"];
const BOTH = ["/v1/pulls"];
const GETS = ["/v1/models", "/health", "/ready", "/metrics", "/openapi.json"];

export function createApp(serving: Serving, options: AppOptions): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const { metrics, log } = serving;

  app.use(async (c, next) => {
    const started = performance.now();
    await next();
    const { path } = c.req;
    const known = [POSTS, GETS, BOTH].some((paths) => paths.includes(path));
    metrics.answered(known ? path : path.startsWith("/v1/") ? "/v1/other" : "other", c.res.status);
    if (!options.accessLog) return;
    const seconds = ((performance.now() - started) / 1000).toFixed(3);
    log(printable(`${new Date().toISOString()} ${c.req.method} ${clip(path)} ${c.res.status} ${seconds}s`, "line"));
  });
  app.use(closeBehindUnread);
  app.use(answerOnlyAs({ names: options.allowedHosts, origins: options.corsOrigins }));
  if (options.corsOrigins.length > 0) {
    const origin = options.corsOrigins.includes("*") ? "*" : [...options.corsOrigins];
    const allowHeaders = ["authorization", "content-type"];
    app.use("/v1/*", cors({ origin, allowHeaders, allowMethods: ["GET", "POST"], exposeHeaders: ["retry-after"] }));
  }
  app.use("/v1/*", authenticate(options.apiKeys));

  statusRoutes(app, serving);
  modelRoutes(app, serving);
  chatRoute(app, serving);
  refineRoute(app, serving);
  fillRoute(app, serving);
  pictureRoute(app, serving);
  sceneRoutes(app, serving);
  pullRoutes(app, serving);
  for (const path of POSTS) app.all(path, () => wrongMethod("POST"));
  for (const path of GETS) app.all(path, () => wrongMethod("GET"));
  for (const path of BOTH) app.all(path, () => wrongMethod("GET, POST"));
  studioRoutes(app, options.studioFolder);

  app.notFound((c) => {
    const message = `there is no ${clip(c.req.method, 40)} ${clip(c.req.path)}; there are ${POSTS.join(", ")}, and ${GETS.join(", ")}`;
    return errorResponse(new ApiError(404, message, { type: "not_found_error", code: "not_found" }));
  });
  app.onError((error) => {
    // Nobody reads it; the status is for the log.
    if (error instanceof ClientGone) return new Response(null, { status: 499 });
    return errorResponse(toApiError(error, log));
  });
  return app;
}

function wrongMethod(allowed: string): never {
  throw new ApiError(405, `only ${allowed.replace(",", " and")} is possible here`, {
    code: "method_not_allowed",
    headers: { allow: allowed },
  });
}
