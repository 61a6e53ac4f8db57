/** For tests: a package index on this machine, and an environment in which nothing else speaks of one. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { scratch } from "../scratch.js";
import { sha256 } from "./wheel-file.js";

export interface IndexOptions {
  /** Name of the file and content, by project. */
  wheels: Record<string, readonly (readonly [file: string, content: Buffer])[]>;
  form?: "html" | "json";
  /** What is said of every file instead of its hash. */
  sha256?: string | undefined;
  /** Bytes after which a connection that sends a file is cut, one for each request; then none is. */
  cuts?: number[];
  ranges?: boolean;
  credentials?: string;
}

export interface Seen {
  path: string;
  range: string | undefined;
  authorization: string | undefined;
  accept: string | undefined;
}

/** No Python, no compiler, no settings of pip's and no proxies but the test's own. @returns an empty folder */
export function bareMachine(): string {
  const folder = scratch();
  for (const name of Object.keys(process.env))
    if (/^PIP_|^(https?|no|all)_proxy$|_CA_BUNDLE$|^XDG_CONFIG/i.test(name)) vi.stubEnv(name, undefined);
  vi.stubEnv("PATH", join(folder, "bin"));
  vi.stubEnv("HOME", join(folder, "home"));
  vi.stubEnv("XDG_CONFIG_DIRS", join(folder, "etc"));
  vi.stubEnv("PIP_CONFIG_FILE", "/dev/null"); // not even of the system's file
  vi.stubEnv("REDIFF_CUDA", "0");
  vi.stubEnv("PIP_RETRIES", "0");
  return folder;
}

/** Answers as an index does. `seen` are the requests. */
export function indexOf(options: IndexOptions, seen: Seen[] = []): RequestListener {
  const { wheels, form = "html", ranges = true } = options;
  const cuts = [...(options.cuts ?? [])];
  return (request, response) => {
    const path = new URL(request.url ?? "", "http://host").pathname;
    const { range, authorization, accept } = request.headers;
    seen.push({ path, range, authorization, accept });
    if (options.credentials !== undefined && authorization !== basic(options.credentials))
      return void response.writeHead(401).end();
    const [, kind, name = ""] = path.split("/");
    if (kind === "simple") {
      const files = wheels[name];
      if (files === undefined) return void response.writeHead(404).end();
      const hashOf = (content: Buffer) => ("sha256" in options ? options.sha256 : sha256(content));
      return void response
        .writeHead(200, { "content-type": form === "json" ? "application/vnd.pypi.simple.v1+json" : "text/html" })
        .end(form === "json" ? jsonPage(name, files, hashOf) : htmlPage(files, hashOf));
    }
    const content = Object.values(wheels)
      .flat()
      .find(([file]) => file === decodeURIComponent(name))?.[1];
    if (content === undefined) return void response.writeHead(404).end();
    const start = range !== undefined && ranges ? Number(/\d+/.exec(range)?.[0]) : 0;
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": content.length - start,
      ...(start > 0 ? { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
    });
    const cut = cuts.shift();
    if (cut === undefined) return void response.end(content.subarray(start));
    response.write(content.subarray(start, start + cut), () => setTimeout(() => response.destroy(), 100));
  };
}

export function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString("base64")}`;
}

type Files = IndexOptions["wheels"][string];

function jsonPage(name: string, files: Files, hashOf: (content: Buffer) => string | undefined): string {
  const list = files.map(([file, content]) => ({
    filename: file,
    url: `../../files/${encodeURIComponent(file)}`,
    hashes: hashOf(content) === undefined ? {} : { sha256: hashOf(content) },
    yanked: false,
  }));
  return JSON.stringify({ meta: { "api-version": "1.1" }, name, files: list });
}

function htmlPage(files: Files, hashOf: (content: Buffer) => string | undefined): string {
  const anchors = files.map(([file, content]) => {
    const hash = hashOf(content);
    return `<a data-requires-python="&gt;=3.10" href="/files/${encodeURIComponent(file)}${hash === undefined ? "" : `#sha256=${hash}`}">${file}</a><br/>`;
  });
  return `<!DOCTYPE html><html><head><title>Links</title></head><body>${anchors.join("\n")}</body></html>`;
}

/** @returns host and port */
export async function listen(server: Server | RequestListener): Promise<string> {
  const listening = typeof server === "function" ? createServer(server) : server;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return `127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

/** A proxy for plain requests: sends each on. `seen` are the addresses that it was asked for. */
export function plainProxy(target: RequestListener, seen: string[]): RequestListener {
  return (request: IncomingMessage, response) => {
    seen.push(request.url ?? "");
    target(request, response as never);
  };
}
