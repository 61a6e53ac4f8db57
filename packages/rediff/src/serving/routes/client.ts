/** Who asks, and whether somebody still listens. */
import type { Context } from "hono";
import { isLoopback } from "../http/allowed-hosts.js";
import type { AppEnv } from "../http/api-keys.js";

/** Aborts when the client leaves before its answer is complete. */
export function clientSignal(c: Context<AppEnv>): AbortController {
  const controller = new AbortController();
  const leave = () => controller.abort(new ClientGone());
  const outgoing = c.env?.outgoing;
  if (outgoing === undefined) c.req.raw.signal.addEventListener("abort", leave, { once: true });
  else
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) leave();
    });
  return controller;
}

export class ClientGone extends Error {
  override readonly name = "AbortError";
  constructor() {
    super("the client has gone");
  }
}

/** Folders are nobody else's business; a proxy on this machine asks for others, and says so. */
export function asksFromThisMachine(c: Context<AppEnv>): boolean {
  const proxies = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
  const host = c.req.header("host")?.replace(/:\d*$/, "");
  return host !== undefined && isLoopback(host) && !proxies.some((name) => c.req.header(name) !== undefined);
}

/** A message without the folders in it, for those whose they are not. Addresses stay. */
export const toldTo = (isOwner: boolean, text: string): string =>
  isOwner ? text : text.replace(/(?<![\w.:/-])\/[^\s,;:()"']+/g, "...");
