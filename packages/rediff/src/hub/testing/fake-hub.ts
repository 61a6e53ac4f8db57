/** A hub on 127.0.0.1 for tests: speaks the hub's protocol (revision, tree, resolve, large files behind a redirect to
 *  another port), counts what it sends, and misbehaves on demand. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeModel {
  id: string;
  files: Record<string, Buffer>;
  commit?: string;
  /** Other names of the commit; default ["main"]. */
  revisions?: string[];
  /** Which files live outside git; default *.safetensors. */
  isLarge?: (path: string) => boolean;
}

/** One request, as it came. `kind` says to which part of the protocol it belongs. */
export interface FakeRequest {
  kind: "revision" | "tree" | "resolve" | "cdn";
  method: string;
  url: string;
  /** File of a `resolve` or `cdn` request, otherwise "". */
  path: string;
  authorization: string | undefined;
  range: string | undefined;
  /** 1 for the first request of this kind and file. */
  nth: number;
}

/** What to do instead of answering well. */
export interface Misbehaviour {
  status?: number;
  headers?: Record<string, string>;
  /** The whole body of the answer. */
  body?: string;
  /** Closes the connection after so many bytes of the body. */
  cutAfter?: number;
  /** Says nothing more after so many bytes of the body. */
  stallAfter?: number;
  /** Answers 200 with everything to a range request. */
  ignoreRange?: boolean;
  /** Sends other bytes than the file's. */
  corrupt?: boolean;
  /** Leaves out Content-Length: the end of the connection is the end of the body. */
  untilClose?: boolean;
  /** Waits between pieces of 64 kB. */
  pieceDelayMs?: number;
}

export interface FakeHub {
  endpoint: string;
  cdn: string;
  commit: string;
  requests: FakeRequest[];
  /** Bytes of bodies per file that were handed to the socket. */
  sent: Map<string, number>;
  misbehave: (request: FakeRequest) => Misbehaviour | undefined;
  model: FakeModel;
  close(): Promise<void>;
}

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const PIECE = 64 * 1024;
const TREE_PAGE = 5;

export function etagOf(bytes: Buffer, isLarge: boolean): string {
  if (isLarge) return createHash("sha256").update(bytes).digest("hex");
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

export async function startFakeHub(model: FakeModel): Promise<FakeHub> {
  const commit = model.commit ?? COMMIT;
  const isLarge = model.isLarge ?? ((path) => path.endsWith(".safetensors"));
  const servers: Server[] = [];
  const listen = async (handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> => {
    const server = createServer(handler);
    servers.push(server);
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const hub: FakeHub = {
    endpoint: "",
    cdn: "",
    commit,
    requests: [],
    sent: new Map(),
    misbehave: () => undefined,
    model,
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((closed) => server.close(closed));
      }
    },
  };
  hub.cdn = await listen((request, response) => {
    const path = decodeURIComponent((request.url ?? "").replace(/^\/cdn\//, ""));
    serve(hub, request, response, "cdn", path, (bad) => sendFile(hub, request, response, path, {}, bad));
  });
  hub.endpoint = await listen((request, response) => {
    const url = decodeURIComponent((request.url ?? "").split("?")[0] ?? "");
    const api = model.id.startsWith("datasets/") ? `/api/${model.id}` : `/api/models/${model.id}`;
    const resolve = `/${model.id}/resolve/`;
    if (url.startsWith(`${api}/revision/`) || url === api) {
      const revision = url.slice(`${api}/revision/`.length) || "main";
      serve(hub, request, response, "revision", "", () => {
        if (![commit, ...(model.revisions ?? ["main"])].includes(revision)) return refuse(response, "RevisionNotFound");
        const siblings = Object.keys(model.files).map((rfilename) => ({ rfilename }));
        sendJson(response, { id: model.id, modelId: model.id, sha: commit, siblings, tags: [], private: false });
      });
    } else if (url.startsWith(`${api}/tree/`)) {
      serve(hub, request, response, "tree", "", () => sendTree(hub, request, response, isLarge));
    } else if (url.startsWith(resolve)) {
      const path = url.slice(resolve.length).split("/").slice(1).join("/");
      serve(hub, request, response, "resolve", path, (bad) => {
        const bytes = model.files[path];
        if (!bytes) return refuse(response, "EntryNotFound");
        const etag = etagOf(bytes, isLarge(path));
        const headers = { "x-repo-commit": commit, etag: `"${etag}"` };
        if (!isLarge(path)) return sendFile(hub, request, response, path, headers, bad);
        const location = `${hub.cdn}/cdn/${encodeURIComponent(path)}`;
        const linked = { "x-linked-etag": `"${etag}"`, "x-linked-size": String(bytes.length) };
        response.writeHead(302, { ...headers, ...linked, etag: '"other"', location }).end();
      });
    } else {
      refuse(response, "RepoNotFound");
    }
  });
  return hub;
}

function serve(
  hub: FakeHub,
  request: IncomingMessage,
  response: ServerResponse,
  kind: FakeRequest["kind"],
  path: string,
  answer: (bad: Misbehaviour) => void,
) {
  const nth = hub.requests.filter((r) => r.kind === kind && r.path === path).length + 1;
  const { authorization, range } = request.headers;
  const entry = { kind, method: request.method ?? "", url: request.url ?? "", path, authorization, range, nth };
  hub.requests.push(entry);
  const bad = hub.misbehave(entry);
  if (bad?.status !== undefined || bad?.body !== undefined) {
    response.writeHead(bad.status ?? 200, bad.headers).end(bad.body ?? "");
  } else {
    answer(bad ?? {});
  }
}

function refuse(response: ServerResponse, code: string) {
  response.writeHead(404, { "x-error-code": code }).end();
}

function sendJson(response: ServerResponse, value: unknown, headers: Record<string, string> = {}) {
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}

/** Pages of TREE_PAGE entries; the next page's address is absolute, as the real hub's is. */
function sendTree(
  hub: FakeHub,
  request: IncomingMessage,
  response: ServerResponse,
  isLarge: (path: string) => boolean,
) {
  const entries = Object.entries(hub.model.files).map(([path, bytes]) => ({
    type: "file",
    path,
    size: bytes.length,
    oid: isLarge(path) ? "f".repeat(40) : etagOf(bytes, false),
    ...(isLarge(path) && { lfs: { oid: etagOf(bytes, true), size: bytes.length, pointerSize: 134 } }),
  }));
  const url = new URL(request.url ?? "", hub.endpoint);
  const start = Number(url.searchParams.get("cursor") ?? 0);
  const directory = { type: "directory", path: "folder", size: 0, oid: "0".repeat(40) };
  const page = [...(start === 0 ? [directory] : []), ...entries.slice(start, start + TREE_PAGE)];
  url.searchParams.set("cursor", String(start + TREE_PAGE));
  const link = start + TREE_PAGE < entries.length ? { link: `<${url.href}>; rel="next"` } : undefined;
  sendJson(response, page, link);
}

async function sendFile(
  hub: FakeHub,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  headers: Record<string, string>,
  bad: Misbehaviour,
) {
  const file = hub.model.files[path];
  if (!file) return refuse(response, "EntryNotFound");
  const start = bad.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start > 0 && start >= file.length) {
    response.writeHead(416, { "content-range": `bytes */${file.length}` }).end();
    return;
  }
  const body = Buffer.from(file.subarray(start));
  if (bad.corrupt && body.length > 0) body[0] = (body[0] ?? 0) ^ 1;
  const range = start > 0 ? { "content-range": `bytes ${start}-${file.length - 1}/${file.length}` } : undefined;
  const length = bad.untilClose ? { connection: "close" } : { "content-length": String(body.length) };
  // A body without length would go out in chunks, whose missing end is noticed; the oldest framing hides it.
  if (bad.untilClose) response.useChunkedEncodingByDefault = false;
  response.writeHead(start > 0 ? 206 : 200, { ...headers, ...range, ...length, "accept-ranges": "bytes" });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  const end = Math.min(body.length, bad.cutAfter ?? Infinity, bad.stallAfter ?? Infinity);
  for (let at = 0; at < end && !response.destroyed; at += PIECE) {
    const piece = body.subarray(at, Math.min(end, at + PIECE));
    hub.sent.set(path, (hub.sent.get(path) ?? 0) + piece.length);
    await new Promise((written) => response.write(piece, written));
    if (bad.pieceDelayMs) await new Promise((later) => setTimeout(later, bad.pieceDelayMs));
  }
  if (bad.stallAfter !== undefined) return;
  // Not destroy(): that may drop bytes which were counted as sent.
  if (bad.cutAfter !== undefined && !bad.untilClose) response.socket?.end();
  else response.end();
}
