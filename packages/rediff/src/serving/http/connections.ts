/** How many clients may be connected at once. Each takes a descriptor (an open file), of which a process has so many; the
 *  model's process, pictures and videos need some, too, and must not go without because of clients. */
import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import { UserError } from "../../errors.js";
import { ApiError } from "./error-object.js";

/** Unless somebody says how many. */
const USUAL_CONNECTIONS = 1024;

/** Descriptors that are left to everything else. Some sixty are open when two models, their threads, and the decoders of
 *  pictures and videos are there, and a thread that starts opens up to 130 modules for a moment (threads/start-in-turn.ts). */
const RESERVED = 224;

/** Beyond the limit so many are accepted all the same, to be told; they have a second for their request. */
const TOLD = 32;
const TOLD_MS = 1000;

/** Between two lines in the log. */
const QUIET_MS = 60_000;

/** Connections that there may be.
 *  @param asked undefined for the usual number, or as many as there are descriptors for
 *  @param descriptors that this process may have open
 *  @throws UserError when there are too few descriptors */
export function connectionLimit(asked: number | undefined, descriptors: number = openFileLimit()): number {
  const room = descriptors - RESERVED - TOLD;
  const most = asked ?? Math.min(USUAL_CONNECTIONS, room);
  if (most <= room && most > 0) return most;
  if (asked === undefined)
    throw new UserError(
      `this process may open ${descriptors} files, and a server needs ${RESERVED + TOLD + 1}`,
      "Raise the limit: ulimit -n",
    );
  throw new UserError(
    `--max-connections ${asked} needs ${asked + RESERVED + TOLD} open files, and this process may have ${descriptors}`,
    "Lower it, or raise the limit: ulimit -n",
  );
}

/** Infinity where the system has no such limit, or does not tell. */
function openFileLimit(): number {
  Object.assign(process.report, { excludeNetwork: true }); // its names would be looked up
  const report: unknown = process.report.getReport();
  const limits = (report as { userLimits?: { open_files?: { soft?: unknown } } }).userLimits;
  const soft = limits?.open_files?.soft;
  return typeof soft === "number" ? soft : Number.POSITIVE_INFINITY;
}

export interface ConnectionOptions {
  /** Clients that may be connected at once. */
  maxConnections: number;
  log: (line: string) => void;
  /** A connection was refused: told so, or closed without a word. */
  onRefused?: () => void;
}

/** @returns what a request is answered with that came by a connection too many */
export function boundConnections(server: Server, { maxConnections, log, onRefused }: ConnectionOptions) {
  const surplus = new WeakSet<Duplex>();
  const open = new Set<Duplex>();
  let toldAt = Number.NEGATIVE_INFINITY;
  let since = 0;
  const refused = (why: string) => {
    onRefused?.();
    since++;
    if (performance.now() - toldAt < QUIET_MS) return;
    log(`${why} (${since} refused since this was last said)`);
    toldAt = performance.now();
    since = 0;
  };
  const tooMany = `more than ${maxConnections} connections at once: the others are refused; --max-connections allows more`;
  server.maxConnections = maxConnections + TOLD;
  server.on("drop", () => refused(tooMany));
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    if (open.size <= maxConnections) return;
    refused(tooMany);
    surplus.add(socket);
    const timer = setTimeout(() => socket.destroy(), TOLD_MS);
    socket.once("close", () => clearTimeout(timer));
  });
  return {
    get open() {
      return open.size;
    },
    /** Node's own way leaves those that are no longer HTTP. */
    endAll(): void {
      for (const socket of open) socket.destroy();
    },
    refusal: (socket: Duplex): ApiError | undefined =>
      surplus.has(socket)
        ? new ApiError(503, `this server has ${maxConnections} clients already; come again`, {
            type: "service_unavailable_error",
            code: "too_many_connections",
            headers: { "retry-after": "1" },
          })
        : undefined,
    /** What the socket itself could not do, above all for want of descriptors. Whoever wanted in is gone; the others stay. */
    failed: (error: Error) => refused(`a connection could not be accepted: ${error.message}`),
  };
}
