/** What requests may hold of the server's memory, all of them together. A body counts from its first byte until its answer
 *  has gone: its pictures wait with it in the queue. */
import type { Context } from "hono";
import type { AppEnv } from "./api-keys.js";
import { ApiError } from "./error-object.js";

export class BodyBudget {
  readonly limit: number;
  #held = 0;

  /** @param limit in bytes */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes of all requests that are under way. */
  get held(): number {
    return this.#held;
  }

  /** For one request, until its answer has gone or its client has left. Without a socket, until `release`. */
  lease(c: Context<AppEnv>): BodyLease {
    let bytes = 0;
    const release = () => {
      this.#held -= bytes;
      bytes = 0;
    };
    const outgoing = c.env?.outgoing;
    outgoing?.once("close", release);
    return {
      take: (more) => {
        if (this.#held + more > this.limit)
          throw new ApiError(503, "requests under way hold all the memory that they may; come again", {
            type: "service_unavailable_error",
            code: "too_many_bodies",
            headers: { "retry-after": "1", connection: "close" },
          });
        this.#held += more;
        bytes += more;
      },
      parsed: () => {
        if (outgoing === undefined) release();
      },
    };
  }
}

export interface BodyLease {
  /** @throws ApiError when there is no room for so many bytes more */
  take(bytes: number): void;
  /** The body has been read to its end, or given up. */
  parsed(): void;
}
