/** Who asks, and whether somebody still listens. */
import type { Context } from "hono";
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
