/** Under which names this server answers, and which pages may have it work.
 *
 *  A page on the web cannot reach a server on loopback by its address, but it can have its own name point there (DNS
 *  rebinding): then the browser takes us for the page's own server and lets it ask and read. The name is in the Host header,
 *  which no page can change. A server with keys has nothing to give to such a page. */
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

export interface AskedAs {
  /** Besides loopback's names; undefined answers under every name, whoever's page asks. */
  names: readonly string[] | undefined;
  /** Pages that may use the API from elsewhere; "*" for all. */
  origins: readonly string[];
}

/** Refuses requests whose host is not one and the same throughout. With `names`, also those for another host than these and
 *  loopback's, and work that a page of another site asks for. */
export function answerOnlyAs({ names, origins }: AskedAs): MiddlewareHandler<AppEnv> {
  const known = new Set(names?.map((name) => name.toLowerCase()));
  const isOurs = (host: string) => isLoopback(host) || known.has(host.toLowerCase());
  return async (c, next) => {
    const given = oneHost(c.env?.incoming?.rawHeaders ?? [], c.env?.incoming?.url) ?? c.req.header("host") ?? "";
    if (names !== undefined) {
      const host = withoutPort(given);
      if (!isOurs(host))
        throw new ApiError(421, `this server does not answer as "${clip(host, 100)}"; --allow-host lets it`, {
          code: "unknown_host",
        });
      const page = asksForWork(c.req.method) ? foreignPage((name) => c.req.header(name), isOurs, origins) : undefined;
      if (page !== undefined)
        throw new ApiError(403, `${page} may not use this server; --cors-origin lets it`, { code: "foreign_origin" });
    }
    await next();
  };
}

/** @param url the request's target, which may name a host, too ("GET http://host/path") */
function oneHost(rawHeaders: readonly string[], url = ""): string | undefined {
  const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === "host");
  if (hosts.length > 1) throw new ApiError(400, "the request has two Host headers", { code: "invalid_host" });
  const [, inTarget] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url) ?? [];
  if (inTarget !== undefined && inTarget.toLowerCase() !== hosts[0]?.toLowerCase())
    throw new ApiError(400, "the request line names another host than the Host header", { code: "invalid_host" });
  return hosts[0];
}

const asksForWork = (method: string): boolean => !["GET", "HEAD", "OPTIONS"].includes(method);

/** Browsers say which page asks; what is no browser says nothing. @returns how to call a page that may not */
function foreignPage(
  header: (name: string) => string | undefined,
  isOurs: (host: string) => boolean,
  origins: readonly string[],
): string | undefined {
  const origin = header("origin");
  if (origins.includes("*")) return undefined;
  if (origin === undefined) return header("sec-fetch-site") === "cross-site" ? "a page of another site" : undefined;
  if (origins.includes(origin)) return undefined;
  const host = URL.canParse(origin) ? new URL(origin).hostname : "";
  return isOurs(host) ? undefined : `a page of ${clip(origin, 100)}`;
}
