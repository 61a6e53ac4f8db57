/** What a model consists of: its commit, and every file with size and checksum.
 *
 *  The commit comes from `/api/models/ID/revision/REV`, the files from `/api/models/ID/tree/COMMIT`. Mirrors that know
 *  no tree are asked file by file (HEAD), as huggingface_hub does. @huggingface/hub is not used for this: it does not
 *  check replies, and it follows the address of the next page to any host, token included. */
import { z } from "zod";
import { UserError } from "../errors.js";
import { Backoff, type Retry, type RetryPolicy, retrying } from "../network/backoff.js";
import { TransientError } from "../network/transient-error.js";
import { datasetOf, isCommit, isSafeFileName } from "./hub-names.js";
import { type RequestOptions, readJson, request, type Subject } from "./hub-request.js";
import type { HubSettings } from "./hub-settings.js";
import { inParallel } from "./parallel.js";

/** The etag is the name of the blob in the cache and, by its form, its checksum. */
export interface HubFile {
  path: string;
  size: number;
  etag: string;
  checksum: Checksum;
}

/** `git`: SHA-1 of "blob SIZE\0" and the bytes, for files inside git. `sha256`: of the bytes, for large files.
 *  `none`: a mirror's own etag, which checks nothing. */
export type Checksum = { kind: "sha256" | "git"; hex: string } | { kind: "none" };

export interface Listing {
  commit: string;
  files: HubFile[];
}

export interface ListingOptions {
  retry: RetryPolicy;
  onRetry: (retry: Retry) => void;
  signal?: AbortSignal | undefined;
}

const revisionReply = z.object({
  sha: z.string().refine(isCommit, "expected a commit of 40 hexadecimal digits"),
  siblings: z.array(z.object({ rfilename: z.string() })).optional(),
});

const fileSize = z.number().int().nonnegative();
const treeReply = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: fileSize.optional(),
    oid: z.string().optional(),
    lfs: z.object({ oid: z.string(), size: fileSize }).nullish(),
  }),
);

const MAX_PAGES = 1000;
/** Of a model: the largest have some thousands. Each is asked for, linked and written down. */
const MAX_FILES = 100_000;
const HEADS_AT_ONCE = 8;

/** `wanted` spares the questions about single files that nobody asked for. */
export async function listModel(
  hub: HubSettings,
  id: string,
  revision: string,
  options: ListingOptions,
  wanted: (path: string) => boolean,
): Promise<Listing> {
  const subject: Subject = { id, revision };
  const address = `${hub.endpoint}/api/${apiPath(id)}/revision/${encodeURIComponent(revision)}`;
  const reply = await ask(hub, address, subject, options);
  const { sha: commit, siblings } = parsed(revisionReply, reply.json, hub);
  const files =
    (await listTree(hub, { id, revision: commit }, options)) ??
    (await listByHead(hub, { id, revision: commit }, options, (siblings ?? []).map((s) => s.rfilename).filter(wanted)));
  for (const file of files) {
    if (!isSafeFileName(file.path)) {
      throw new UserError(
        `${hub.endpoint} lists a file ${JSON.stringify(file.path)} that would leave the model's folder`,
        "Do not use this model.",
      );
    }
  }
  return { commit, files };
}

const apiPath = (id: string): string => (datasetOf(id) === undefined ? `models/${id}` : id);

/** The address of a file's bytes. */
export function fileAddress(hub: HubSettings, subject: Subject, path: string): string {
  return `${hub.endpoint}/${subject.id}/resolve/${subject.revision}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** All pages of the tree, or undefined from a hub that has no such list. */
async function listTree(hub: HubSettings, subject: Subject, options: ListingOptions): Promise<HubFile[] | undefined> {
  const files: HubFile[] = [];
  let address = `${hub.endpoint}/api/${apiPath(subject.id)}/tree/${subject.revision}?recursive=true&expand=false`;
  for (let page = 0; page < MAX_PAGES; page++) {
    const reply = await ask(hub, address, subject, options, page === 0 ? { accept: [404] } : {});
    if (reply.status === 404) return undefined;
    for (const entry of parsed(treeReply, reply.json, hub)) {
      if (entry.type !== "file") continue;
      const etag = entry.lfs?.oid ?? entry.oid;
      const size = entry.lfs?.size ?? entry.size;
      if (etag === undefined || size === undefined) throw incompleteEntry(hub, entry.path);
      if (files.length === MAX_FILES) throw tooManyFiles(hub, subject.id);
      files.push(hubFile(hub, entry.path, size, etag));
    }
    const next = nextPage(hub, reply.link);
    if (next === undefined) return files;
    address = next;
  }
  throw new UserError(`${hub.endpoint} lists ${subject.id} without end`, "Check HF_ENDPOINT.");
}

async function listByHead(
  hub: HubSettings,
  subject: Subject,
  options: ListingOptions,
  paths: readonly string[],
): Promise<HubFile[]> {
  if (paths.length > MAX_FILES) throw tooManyFiles(hub, subject.id);
  const files: HubFile[] = [];
  await inParallel(paths, HEADS_AT_ONCE, options.signal, async (path, signal) => {
    const backoff = new Backoff(options.retry, options.onRetry, signal);
    const head = await retrying(backoff, () =>
      request(
        hub,
        fileAddress(hub, subject, path),
        { ...subject, file: path },
        { method: "HEAD", signal, stayOnHub: true },
      ),
    );
    const etag = head.headers.get("x-linked-etag") ?? head.headers.get("etag");
    const size = head.headers.get("x-linked-size") ?? head.headers.get("content-length");
    if (etag === null || size === null || !/^\d{1,15}$/.test(size)) throw incompleteEntry(hub, path);
    files.push(hubFile(hub, path, Number(size), etag.replace(/^W\//, "").replace(/^"|"$/g, "")));
  });
  return files;
}

function hubFile(hub: HubSettings, path: string, size: number, etag: string): HubFile {
  // It becomes a file name.
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(etag)) throw incompleteEntry(hub, path);
  const kind = /^[0-9a-f]{64}$/.test(etag) ? "sha256" : /^[0-9a-f]{40}$/.test(etag) ? "git" : "none";
  return { path, size, etag, checksum: kind === "none" ? { kind } : { kind, hex: etag } };
}

async function ask(
  hub: HubSettings,
  address: string,
  subject: Subject,
  options: ListingOptions,
  requestOptions: RequestOptions = {},
): Promise<{ status: number; json: unknown; link: string | null }> {
  const backoff = new Backoff(options.retry, options.onRetry, options.signal);
  try {
    return await retrying(backoff, async () => {
      const response = await request(hub, address, subject, {
        headers: { accept: "application/json" },
        signal: options.signal,
        ...requestOptions,
      });
      const { status } = response;
      const json = status === 404 ? await discarded(response) : await readJson(response, hub, options.signal);
      return { status, json, link: response.headers.get("link") };
    });
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    throw unreachable(hub, error);
  }
}

async function discarded(response: Response): Promise<undefined> {
  await response.body?.cancel();
}

/** The hub cannot be asked at all, or no longer. */
function unreachable(hub: HubSettings, error: TransientError): UserError {
  if (error.waitMs !== undefined) {
    const seconds = Math.ceil(error.waitMs / 1000);
    return new UserError(`${hub.endpoint}: ${error.message}`, `It asks to try again in ${seconds} s.`, {
      cause: error,
    });
  }
  const behindProxy = process.env.HTTPS_PROXY ?? process.env.https_proxy ?? process.env.HTTP_PROXY;
  return new UserError(
    `${hub.endpoint} cannot be asked: ${error.message}`,
    behindProxy
      ? "A proxy is set, and Node uses it only from version 24 on with NODE_USE_ENV_PROXY=1; or set HF_ENDPOINT to a mirror."
      : "Check the connection and HF_ENDPOINT.",
    { cause: error },
  );
}

/** The Link header's `next`. Behind a mirror it may still name the original hub; the path is what counts. */
function nextPage(hub: HubSettings, link: string | null): string | undefined {
  const target = /<([^>]+)>\s*;[^,]*rel="?next"?/.exec(link ?? "")?.[1];
  if (target === undefined || !URL.canParse(target, hub.endpoint)) return undefined;
  const next = new URL(target, hub.endpoint);
  if (next.origin === new URL(hub.endpoint).origin) return next.href;
  return `${hub.endpoint}${next.pathname}${next.search}`;
}

function parsed<T extends z.ZodType>(shape: T, value: unknown, hub: HubSettings): z.output<T> {
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new UserError(
    `${hub.endpoint} answered in an unknown form (${issue?.path.join(".") || "reply"}: ${issue?.message})`,
    "Check that HF_ENDPOINT is a Hugging Face hub.",
  );
}

function tooManyFiles(hub: HubSettings, id: string): UserError {
  return new UserError(`${hub.endpoint} lists more than ${MAX_FILES} files of ${id}`, "Check HF_ENDPOINT.");
}

function incompleteEntry(hub: HubSettings, path: string): UserError {
  return new UserError(
    `${hub.endpoint} gives no usable size and checksum of ${JSON.stringify(path)}`,
    "Check that HF_ENDPOINT is a Hugging Face hub.",
  );
}
