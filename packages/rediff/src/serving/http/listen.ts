/** A socket for the app, and manners towards clients that are slow: headers and bodies have to arrive in time, answers
 *  have to be taken. Whatever Node itself refuses is answered with OpenAI's error object, too. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { UserError } from "../../errors.js";
import { boundConnections, type ConnectionOptions } from "./connections.js";
import { ApiError, errorResponse } from "./error-object.js";
import { endAllPatiently } from "./last-words.js";
import { answerAhead } from "./node-refusals.js";
import { dropSlowReaders } from "./slow-readers.js";

export interface ListenOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Seconds in which a whole request has to arrive. */
  requestTimeout: number;
  /** Seconds for which a client may leave its answer lying. */
  writeTimeout: number;
}

export interface Listener {
  url: string;
  server: Server;
  /** Clients that are connected. */
  readonly connections: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

type Fetch = Parameters<typeof getRequestListener>[0];

export async function listen(fetch: Fetch, options: ListenOptions & ConnectionOptions): Promise<Listener> {
  const { host, port, requestTimeout, writeTimeout } = options;
  const server = createServer(
    {
      requestTimeout: Math.ceil(requestTimeout * 1000),
      headersTimeout: Math.ceil(Math.min(10, requestTimeout) * 1000),
      connectionsCheckingInterval: Math.min(2, requestTimeout / 2) * 1000,
      keepAliveTimeout: 75_000, // longer than the minute that proxies keep theirs
      requireHostHeader: false, // Node's refusal has no body; `answerAhead` has one
    },
    getRequestListener(fetch, {
      overrideGlobalObjects: false,
      hostname: "localhost",
      errorHandler: () => errorResponse(new ApiError(400, "the request line or its headers make no sense")),
    }),
  );
  const connections = boundConnections(server, options);
  answerAhead(server, connections.refusal);
  endAllPatiently(server);
  dropSlowReaders(server, writeTimeout);

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
  server.removeAllListeners("error").on("error", connections.failed);
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    server,
    get connections() {
      return connections.open;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        connections.endAll();
      }),
  };
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): UserError {
  if (error.code === "EADDRINUSE")
    return new UserError(`port ${port} on ${host} is in use`, "Choose another --port; 0 takes a free one");
  if (error.code === "EACCES")
    return new UserError(`port ${port} on ${host} is not allowed`, "Choose a --port from 1024 on");
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND" || error.code === "EAI_AGAIN")
    return new UserError(`${host} is no address of this machine`, "Use --host 127.0.0.1, or 0.0.0.0 for all of them");
  return new UserError(`port ${port} on ${host} cannot be used (${error.message})`, "Choose another --host or --port");
}
