/** API keys, and by which name a client waits in the queue. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import type { Context, MiddlewareHandler } from "hono";
import { ApiError } from "./error-object.js";

export type AppEnv = { Bindings: Partial<HttpBindings>; Variables: { client: string } };

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Lets in who has one of the keys (`Authorization: Bearer KEY`); everybody when there are none. */
export function authenticate(keys: readonly string[]): MiddlewareHandler<AppEnv> {
  const digests = keys.map(digest);
  return async (c, next) => {
    const given = /^Bearer +(.+)$/i.exec(c.req.header("authorization") ?? "")?.[1]?.trim();
    if (digests.length > 0 && !isKnown(given, digests)) {
      const message = given === undefined ? "no API key was given" : "the API key is not known";
      throw new ApiError(401, `${message}; send it as "Authorization: Bearer KEY"`, {
        type: "authentication_error",
        code: "invalid_api_key",
        headers: { "www-authenticate": "Bearer" },
      });
    }
    // Without keys of our own any string may be sent as one, and would be a free place in the queue.
    c.set("client", digests.length > 0 ? digest(given ?? "").toString("hex") : addressOf(c));
    await next();
  };
}

/** Takes as long for each key, right or wrong. */
function isKnown(given: string | undefined, digests: readonly Buffer[]): boolean {
  const candidate = digest(given ?? "");
  let known = false;
  for (const key of digests) known = timingSafeEqual(candidate, key) || known;
  return known && given !== undefined;
}

function addressOf(c: Context<AppEnv>): string {
  return c.env?.incoming?.socket.remoteAddress ?? "unknown";
}
