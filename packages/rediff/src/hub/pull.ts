/** `rediff pull`: a model from the hub into the cache, file by file, resumable at every byte.
 *
 *  Order matters: what is wanted is noted first, files get their names when they are whole and checked, and the branch
 *  or tag points to the new commit last. Whatever stops it, the cache holds a complete older snapshot or none. */
import { mkdir, readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { option, UserError, wording } from "../errors.js";
import type { Retry, RetryPolicy } from "../network/backoff.js";
import {
  abortSignal,
  flag,
  listener,
  number,
  type OptionTypes,
  object,
  optionSet,
  text,
  texts,
} from "../options/option-set.js";
import { formatBytes } from "../units.js";
import { downloadBlob, incompletePath } from "./download.js";
import {
  blobPath,
  hasFile,
  inspectCached,
  linkIntoSnapshot,
  lockPath,
  repoFolder,
  snapshotFolder,
  writeRef,
  writeWanted,
} from "./hub-cache.js";
import { checkModelId, checkRevision, datasetRepo, fileFilter } from "./hub-names.js";
import { type HubSettings, hubSettings } from "./hub-settings.js";
import { fileAddress, type HubFile, listModel } from "./listing.js";
import { inParallel } from "./parallel.js";

export interface PullOptions {
  /** The id is a data set's. */
  dataset?: boolean;
  /** Branch, tag or commit; default "main". */
  revision?: string;
  /** Shell patterns; default MODEL_FILES, and all files of a data set. */
  include?: readonly string[];
  exclude?: readonly string[];
  /** Default: the environment's cache folder. */
  cacheDir?: string;
  /** Files at a time; default 4. */
  concurrency?: number;
  onEvent?: (event: PullEvent) => void;
  signal?: AbortSignal;
  /** Default: hubSettings() of the environment. */
  settings?: HubSettings;
  retry?: RetryPolicy;
}

export const pullTypes: OptionTypes<PullOptions> = {
  dataset: flag,
  revision: text,
  include: texts,
  exclude: texts,
  cacheDir: text,
  concurrency: number,
  onEvent: listener,
  signal: abortSignal,
  settings: object,
  retry: object,
};
const checkPull = optionSet<PullOptions>(pullTypes);

export type PullEvent =
  /** All that is wanted, and the part of it that has to come over the network. */
  | { type: "start"; commit: string; files: number; bytes: number; bytesToGet: number }
  /** `done` of `total` bytes of all wanted files are on disk. */
  | { type: "progress"; file: string; done: number; total: number }
  | { type: "retry"; file: string | undefined; retry: Retry }
  /** Something to tell once: copies instead of links, no checksum, waiting for another process. */
  | { type: "notice"; message: string };

export interface Pulled {
  id: string;
  revision: string;
  commit: string;
  /** The snapshot: a model folder, or a data set's. */
  folder: string;
  files: number;
  bytes: number;
  /** Bytes received just now. */
  downloadedBytes: number;
}

export const DEFAULT_RETRY: RetryPolicy = { tries: 6, firstWaitMs: 250, longestWaitMs: 300_000 };
const LISTING_TRIES = 4;
const DEFAULT_CONCURRENCY = 4;

/** Files of one content, which has one blob. */
interface Content {
  etag: string;
  files: [HubFile, ...HubFile[]];
}

/** What the steps of one pull share. */
interface Run {
  hub: HubSettings;
  id: string;
  commit: string;
  cacheDir: string;
  repo: string;
  retry: RetryPolicy;
  onEvent: (event: PullEvent) => void;
  onBytes: (file: HubFile, bytes: number) => void;
  tellOnce: (message: string) => void;
}

/** Pulls a model or a data set and returns its snapshot folder with the sums. Throws a UserError for whatever goes wrong
 *  outside. */
export async function pull(id: string, options: PullOptions = {}): Promise<Pulled> {
  checkPull(options);
  checkModelId(id);
  if (options.dataset !== true) return pullRepo(id, options);
  const include = options.include ?? ["*"];
  return { ...(await pullRepo(datasetRepo(id), { ...options, include })), id };
}

async function pullRepo(id: string, options: PullOptions): Promise<Pulled> {
  const revision = checkRevision(options.revision ?? "main");
  const hub = options.settings ?? hubSettings();
  const cacheDir = options.cacheDir ?? hub.cacheDir;
  const onEvent = options.onEvent ?? (() => {});
  const retry = options.retry ?? DEFAULT_RETRY;
  const concurrency = options.concurrency ?? DEFAULT_CONCURRENCY;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new UserError(`concurrency is ${concurrency}, expected a whole number from 1`);
  }
  const isWanted = fileFilter(options.include, options.exclude);
  if (hub.offline) return pullOffline(id, revision, cacheDir, onEvent);

  const listingOptions = {
    retry: { ...retry, tries: Math.min(retry.tries, LISTING_TRIES) },
    onRetry: (again: Retry) => onEvent({ type: "retry", file: undefined, retry: again }),
    signal: options.signal,
  };
  const listing = await listModel(hub, id, revision, listingOptions, isWanted);
  const { commit } = listing;
  const files = listing.files.filter((file) => isWanted(file.path));
  if (files.length === 0) throw nothingWanted(id, revision, listing.files);

  const repo = repoFolder(cacheDir, id);
  const folder = snapshotFolder(repo, commit);
  const total = sum(files.map((file) => file.size));
  const onDisk = new Map<string, number>();
  let done = 0;
  const onBytes = (file: HubFile, bytes: number) => {
    done += bytes - (onDisk.get(file.path) ?? 0);
    onDisk.set(file.path, bytes);
    onEvent({ type: "progress", file: file.path, done, total });
  };
  const tellOnce = once((message) => onEvent({ type: "notice", message }));
  const run: Run = { hub, id, commit, cacheDir, repo, retry, onEvent, onBytes, tellOnce };
  let downloadedBytes = 0;

  try {
    await mkdir(join(repo, "blobs"), { recursive: true });
    await writeWanted(repo, commit, files, options.include === undefined && options.exclude === undefined);
    const missing = await missingContents(folder, files);
    const missingFiles = new Set(missing.flatMap((content) => content.files));
    for (const file of files)
      if (!missingFiles.has(file)) {
        onDisk.set(file.path, file.size);
        done += file.size;
      }
    const bytesToGet = await bytesStillToGet(repo, missing);
    await checkRoom(cacheDir, bytesToGet);
    onEvent({ type: "start", commit, files: files.length, bytes: total, bytesToGet });

    await inParallel(missing, concurrency, options.signal, async (content, signal) => {
      const received = await fetchContent(run, content, signal);
      downloadedBytes += received;
    });
    await writeRef(repo, revision, commit);
  } catch (error) {
    throw diskTrouble(error, cacheDir);
  }
  return { id, revision, commit, folder, files: files.length, bytes: total, downloadedBytes };
}

/** One blob, and its names in the snapshot. Returns the bytes received. */
async function fetchContent(run: Run, content: Content, signal: AbortSignal): Promise<number> {
  const { hub, id, commit, cacheDir, repo, onEvent, tellOnce } = run;
  const [file, ...twins] = content.files;
  const subject = { id, revision: commit, file: file.path };
  if (file.checksum.kind === "none") tellOnce(`${hub.endpoint} gives no checksums: only sizes are checked`);
  const received = await downloadBlob(
    hub,
    {
      file,
      subject,
      address: fileAddress(hub, subject, file.path),
      blob: blobPath(repo, content.etag),
      lock: lockPath(cacheDir, id, content.etag),
    },
    {
      retry: run.retry,
      onProgress: (bytes) => run.onBytes(file, bytes),
      onRetry: (again) => onEvent({ type: "retry", file: file.path, retry: again }),
      onNotice: (message) => onEvent({ type: "notice", message }),
      signal,
    },
  );
  for (const twin of [file, ...twins]) {
    const how = await linkIntoSnapshot(repo, commit, twin.path, content.etag, hub.symlinks);
    if (how === "copied") tellOnce(`no symbolic links in ${cacheDir}: files are copied and take twice the room`);
    run.onBytes(twin, twin.size);
  }
  return received;
}

/** Without a connection a complete snapshot is as good as a pull, except that nobody knows whether it is the newest. */
async function pullOffline(
  id: string,
  revision: string,
  cacheDir: string,
  onEvent: (event: PullEvent) => void,
): Promise<Pulled> {
  const cached = await inspectCached(id, revision, cacheDir);
  if (cached?.missing.length !== 0) {
    throw new UserError(
      `HF_HUB_OFFLINE is set, and ${id} is not complete in the cache (${cacheDir})`,
      "Unset HF_HUB_OFFLINE and try again.",
    );
  }
  onEvent({ type: "notice", message: `HF_HUB_OFFLINE is set: ${id} as it is in the cache, perhaps not the newest` });
  const { folder, commit } = cached;
  const entries = await readdir(folder, { recursive: true });
  const found = (await Promise.all(entries.map((name) => stat(join(folder, name))))).filter((s) => s.isFile());
  const bytes = sum(found.map((file) => file.size));
  return { id, revision, commit, folder, files: found.length, bytes, downloadedBytes: 0 };
}

/** What the snapshot lacks, one entry per content. */
async function missingContents(folder: string, files: readonly HubFile[]): Promise<Content[]> {
  const contents = new Map<string, Content>();
  for (const file of files) {
    if (await hasFile(join(folder, file.path), file.size)) continue;
    const content = contents.get(file.etag);
    if (content) content.files.push(file);
    else contents.set(file.etag, { etag: file.etag, files: [file] });
  }
  return [...contents.values()];
}

async function bytesStillToGet(repo: string, missing: readonly Content[]): Promise<number> {
  let bytes = 0;
  for (const { etag, files } of missing) {
    const blob = blobPath(repo, etag);
    const { size } = files[0];
    if (await hasFile(blob, size)) continue;
    const partial = await stat(incompletePath(blob)).catch(() => undefined);
    bytes += Math.max(0, size - (partial?.size ?? 0));
  }
  return bytes;
}

async function checkRoom(cacheDir: string, bytes: number): Promise<void> {
  const disk = await statfs(cacheDir).catch(() => undefined);
  const free = disk ? disk.bavail * disk.bsize : Number.POSITIVE_INFINITY;
  if (bytes <= free) return;
  throw new UserError(
    `not enough room in ${cacheDir}: ${formatBytes(bytes)} to download, ${formatBytes(free)} free`,
    wording`Make room, or name another folder with ${option("cacheDir")} or HF_HOME.`,
  );
}

function nothingWanted(id: string, revision: string, files: readonly HubFile[]): UserError {
  const names = files.map((file) => file.path);
  const listed = names.slice(0, 8).join(", ") + (names.length > 8 ? `, and ${names.length - 8} more` : "");
  return new UserError(
    `no file of ${id} at ${revision} is wanted`,
    names.length > 0 ? wording`It has ${listed}. Choose with ${option("include")}.` : "It has no files.",
  );
}

/** Troubles of the disk, in words. */
function diskTrouble(error: unknown, cacheDir: string): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const remedy = wording`Name another folder with ${option("cacheDir")} or HF_HOME.`;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new UserError(`no room left in ${cacheDir}`, "Make room and run the same command again: it goes on.", {
      cause: error,
    });
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new UserError(`the cache ${cacheDir} cannot be written (${code})`, remedy, { cause: error });
  }
  if (code === "ENOTDIR" || code === "EEXIST" || code === "ENOENT") {
    return new UserError(`the cache ${cacheDir} is not usable (${code})`, remedy, { cause: error });
  }
  return error;
}

function once(say: (message: string) => void): (message: string) => void {
  const said = new Set<string>();
  return (message) => {
    if (said.has(message)) return;
    said.add(message);
    say(message);
  };
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
