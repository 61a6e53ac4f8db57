/** Under which names this server answers. A page on the web cannot reach a server on loopback by its address, but it can
 *  have its own name point there (DNS rebinding): then the browser takes us for the page's own server and lets it ask and
 *  read. The name is in the Host header, which no page can change. A server with keys has nothing to give to such a page. */
import { isIP } from "node:net";
import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "./api-keys.js";
import { ApiError, clip } from "./error-object.js";

/** An address or name that leads to this machine only. @param host without port */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (isIP(name) === 4) return name.startsWith("127.");
  return name === "::1" || /^(?:.+\.)?localhost\.?$/.test(name);
}

/** Of a Host header: "[::1]:8080" is "[::1]". */
const withoutPort = (host: string): string => host.replace(/:\d*$/, "");

/** Refuses requests with two Host headers, and with `names`, those for another host than these and loopback's.
 *  @param names undefined answers under every name */
export function answerOnlyAs(names: readonly string[] | undefined): MiddlewareHandler<AppEnv> {
  const known = new Set(names?.map((name) => name.toLowerCase()));
  return async (c, next) => {
    const raw = c.env?.incoming?.rawHeaders ?? [];
    const hosts = raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === "host");
    if (hosts.length > 1) throw new ApiError(400, "the request has two Host headers", { code: "invalid_host" });
    const host = withoutPort(hosts[0] ?? c.req.header("host") ?? "");
    if (names !== undefined && !isLoopback(host) && !known.has(host.toLowerCase()))
      throw new ApiError(421, `this server does not answer as "${clip(host, 100)}"; --allow-host lets it`, {
        code: "unknown_host",
      });
    await next();
  };
}
