/** Requests whose body nobody reads to its end. */
import type { Context, MiddlewareHandler } from "hono";
import type { AppEnv } from "./api-keys.js";

/** What has not been sent to its end when its answer goes is not read: no further request can follow. */
export const closeBehindUnread: MiddlewareHandler<AppEnv> = async (c: Context<AppEnv>, next) => {
  await next();
  const incoming = c.env?.incoming;
  const hasBody = c.req.header("content-length") !== undefined || c.req.header("transfer-encoding") !== undefined;
  if (hasBody && incoming?.complete === false) c.res.headers.set("connection", "close");
};
