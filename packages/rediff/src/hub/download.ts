/** One blob, from an address into the cache: resumed, checked, and named only when it is whole.
 *
 *  Bytes go to `<blob>.incomplete`; what an earlier run left there (ours, or an older huggingface_hub's) is hashed and
 *  kept, and only the rest is asked for. The checksum covers all bytes on disk in order. A partial file survives
 *  everything except a failed checksum. */
import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../errors.js";
import { withLock } from "../files/file-lock.js";
import { Backoff, type Retry, type RetryPolicy } from "../network/backoff.js";
import { TransientError } from "../network/transient-error.js";
import { hasFile } from "./hub-cache.js";
import { bodyPieces, discard, request, type Subject } from "./hub-request.js";
import type { HubSettings } from "./hub-settings.js";
import type { HubFile } from "./listing.js";

export interface Download {
  file: HubFile;
  subject: Subject;
  address: string;
  /** Final name. */
  blob: string;
  lock: string;
}

export interface DownloadOptions {
  retry: RetryPolicy;
  /** Bytes of the file that are on disk now; goes back when a server does not resume. */
  onProgress: (bytes: number) => void;
  onRetry: (retry: Retry) => void;
  onNotice: (message: string) => void;
  signal?: AbortSignal | undefined;
}

/** Bytes that have to come before failures are counted from one again. */
const REAL_PROGRESS = 1024 * 1024;

export function incompletePath(blob: string): string {
  return `${blob}.incomplete`;
}

/** Downloads the blob unless it is there. Returns the bytes that were received (more than the size after a restart). */
export async function downloadBlob(hub: HubSettings, download: Download, options: DownloadOptions): Promise<number> {
  const { file, blob, lock } = download;
  await mkdir(dirname(blob), { recursive: true });
  const onWait = () => options.onNotice(`${file.path}: another process is downloading it, waiting`);
  return withLock(lock, { onWait, signal: options.signal }, async () => {
    if (await hasFile(blob, file.size)) {
      options.onProgress(file.size);
      return 0;
    }
    let received = 0;
    for (let round = 1; ; round++) {
      const partial = await Partial.open(incompletePath(blob), file, options.onProgress);
      try {
        await complete(hub, download, options, partial);
        received += partial.received;
        if (partial.isGenuine()) {
          await partial.publish(blob);
          return received;
        }
      } finally {
        await partial.close();
      }
      // Bad bytes may come from a damaged partial file, so one round from the first byte on is worth it; not two.
      await rm(incompletePath(blob), { force: true });
      if (round === 2) {
        throw new UserError(
          `${file.path}: the bytes do not match their checksum (${file.etag.slice(0, 12)}...), twice; removed`,
          "A proxy or mirror may change files: try again, or another HF_ENDPOINT.",
        );
      }
      options.onNotice(`${file.path}: the bytes do not match their checksum, starting over`);
    }
  });
}

/** Asks for the missing bytes until all are there. */
async function complete(hub: HubSettings, download: Download, options: DownloadOptions, partial: Partial) {
  const { file } = download;
  const backoff = new Backoff(options.retry, options.onRetry, options.signal);
  let mark = partial.size;
  while (partial.size < file.size) {
    try {
      await receive(hub, download, partial, options.signal);
      if (partial.size < file.size) throw new TransientError("the answer ended early");
    } catch (error) {
      // The mark never goes back: a server that begins anew each time makes no progress.
      if (partial.size >= mark + REAL_PROGRESS) {
        backoff.reset();
        mark = partial.size;
      }
      await backoff.after(error).catch((last) => {
        throw last instanceof TransientError ? gaveUp(file, partial.size, options.retry, last) : last;
      });
    }
  }
}

/** One request and its body. */
async function receive(hub: HubSettings, download: Download, partial: Partial, signal?: AbortSignal): Promise<void> {
  const { file, subject } = download;
  const range: Record<string, string> = partial.size > 0 ? { range: `bytes=${partial.size}-` } : {};
  const response = await request(hub, download.address, subject, { headers: range, accept: [416], signal });
  const start = startOf(response);
  if (response.status === 416 || start.at !== (response.status === 206 ? partial.size : 0)) {
    await discard(response);
    await partial.restart();
    throw new TransientError("the server cannot go on from where it stopped");
  }
  // 200: the server ignores ranges and sends everything.
  if (response.status !== 206) await partial.restart();
  if (start.total !== undefined && start.total !== file.size) {
    await discard(response);
    throw wrongSize(file, start.total);
  }
  if (isWebPage(response, file)) {
    await discard(response);
    throw new UserError(
      `${file.path}: the server sends a web page instead of the file`,
      "A proxy or a login page stands between: check the connection and HF_ENDPOINT.",
    );
  }
  for await (const piece of bodyPieces(response, hub.timeoutMs, signal)) {
    if (partial.size + piece.byteLength > file.size) throw wrongSize(file, partial.size + piece.byteLength);
    await partial.append(piece);
  }
}

/** Where the body begins, and the size of the whole file if the headers tell. */
function startOf(response: Response): { at: number; total: number | undefined } {
  if (response.status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
    // A compressed slice cannot be joined to plain bytes.
    if (range === null || isEncoded(response)) return { at: Number.NaN, total: undefined };
    return { at: Number(range[1]), total: range[2] === "*" ? undefined : Number(range[2]) };
  }
  const length = response.headers.get("content-length");
  return { at: 0, total: length === null || isEncoded(response) ? undefined : Number(length) };
}

function isWebPage(response: Response, file: HubFile): boolean {
  return /^text\/html\b/.test(response.headers.get("content-type") ?? "") && !/\.html?$/.test(file.path);
}

function isEncoded(response: Response): boolean {
  return (response.headers.get("content-encoding") ?? "identity") !== "identity";
}

/** The file under its temporary name, with the running hash of all its bytes. */
class Partial {
  /** Bytes on disk and in the hash. */
  size = 0;
  /** Bytes that came over the network. */
  received = 0;
  #hash: Hash;

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
    private readonly file: HubFile,
    private readonly onProgress: (bytes: number) => void,
  ) {
    this.#hash = newHash(file);
  }

  static async open(path: string, file: HubFile, onProgress: (bytes: number) => void): Promise<Partial> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o666);
    const partial = new Partial(path, handle, file, onProgress);
    await partial.#takeUp((await handle.stat()).size);
    return partial;
  }

  /** Hashes what is there already. */
  async #takeUp(size: number): Promise<void> {
    if (size > this.file.size) return this.restart();
    const buffer = Buffer.allocUnsafe(4 * 1024 * 1024);
    while (this.size < size) {
      const { bytesRead } = await this.handle.read(buffer, 0, buffer.length, this.size);
      if (bytesRead === 0) break;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.size += bytesRead;
    }
    this.onProgress(this.size);
  }

  async append(piece: Uint8Array): Promise<void> {
    this.#hash.update(piece);
    for (let written = 0; written < piece.byteLength; ) {
      const step = await this.handle.write(piece, written, piece.byteLength - written, this.size + written);
      written += step.bytesWritten;
    }
    this.size += piece.byteLength;
    this.received += piece.byteLength;
    this.onProgress(this.size);
  }

  async restart(): Promise<void> {
    await this.handle.truncate(0);
    this.#hash = newHash(this.file);
    this.size = 0;
    this.onProgress(0);
  }

  isGenuine(): boolean {
    return this.file.checksum.kind === "none" || this.#hash.digest("hex") === this.file.checksum.hex;
  }

  /** Gives the file its final name, once its bytes are on the disk and not just on their way. */
  async publish(blob: string): Promise<void> {
    await this.handle.datasync();
    // The name may stand for another file by now, if this process slept for so long that it lost its lock.
    const [ours, named] = await Promise.all([this.handle.stat(), stat(this.path)]);
    if (ours.ino !== named.ino || named.size !== this.file.size) {
      throw new UserError(`${this.path} was replaced while it was written`, "Run the same command again.");
    }
    await rename(this.path, blob);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

function newHash(file: HubFile): Hash {
  return file.checksum.kind === "git" ? createHash("sha1").update(`blob ${file.size}\0`) : createHash("sha256");
}

function gaveUp(file: HubFile, kept: number, retry: RetryPolicy, last: TransientError): UserError {
  const isTooLong = (last.waitMs ?? 0) > retry.longestWaitMs;
  const end = isTooLong
    ? `the server asks to wait ${Math.ceil((last.waitMs ?? 0) / 1000)} s`
    : `gave up after ${retry.tries} tries`;
  return new UserError(
    `${file.path}: ${last.message}; ${end}; ${kept} of ${file.size} bytes are kept`,
    "Run the same command again: it goes on from there.",
    { cause: last },
  );
}

function wrongSize(file: HubFile, got: number): UserError {
  return new UserError(
    `${file.path}: expected ${file.size} bytes, the server sends ${got}`,
    "A proxy or mirror may change files: try again, or another HF_ENDPOINT.",
  );
}
