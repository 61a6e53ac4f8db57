/** Pictures from the web, for servers that allow it, without becoming anybody's way into a private network.
 *
 *  Each host is resolved here, every address it has must be public, and the connection goes to the address that was
 *  judged, so that a second look-up cannot say something else (DNS rebinding). Redirects are judged the same way. Size
 *  and time are limited over all of it, and how many are fetched at once. */
import { lookup as resolveHost } from "node:dns/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { UserError } from "../../errors.js";
import { clip } from "../http/error-object.js";
import { isForStrangers } from "./addresses.js";
import { Turns } from "./turns.js";

export interface FetchOptions {
  maxBytes: number;
  timeoutMs: number;
  signal: AbortSignal;
  /** For tests, which have no public address. */
  isAllowed?: (address: string, port: number) => boolean;
  resolve?: (host: string) => Promise<{ address: string; family: number }[]>;
  turns?: Turns;
}

const MAX_REDIRECTS = 3;

/** Nobody makes this server a flood: neither of one host, nor of all. */
const fetches = new Turns({ inAll: 32, ofOne: 8 });
/** A name whose servers keep silent holds one of the system's few threads, which files need, too. */
const lookUps = new Turns({ inAll: 2, ofOne: 2 });

/** @throws UserError for whatever goes wrong: the URL was the client's */
export async function fetchPicture(url: string, options: FetchOptions): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([timeout, options.signal]);
  let next = parseUrl(url);
  const end = await (options.turns ?? fetches).take(next.hostname, signal).catch((reason) => {
    options.signal.throwIfAborted();
    if (!timeout.aborted) throw reason;
    throw new UserError(`${clip(url)}: too many pictures are being fetched`, "Try it again later");
  });
  try {
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const answer = await get(next, options, signal);
      if ("bytes" in answer) return answer.bytes;
      next = parseUrl(answer.location, next);
    }
    throw new UserError(`${clip(url)}: more than ${MAX_REDIRECTS} redirects`);
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof UserError) throw error;
    // Which it was of "a private address", "no such name", "refused" and "silent" would tell about the network behind.
    throw new UserError(
      `${clip(url)}: cannot be fetched`,
      `Only public addresses are asked, for ${options.timeoutMs / 1000} seconds; send the picture as a data: URL`,
      { cause: error },
    );
  } finally {
    end();
  }
}

function parseUrl(text: string, base?: URL): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw new UserError(`${clip(text)} is no URL`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new UserError(`${clip(text)}: only http and https URLs are fetched`);
  if (url.username !== "" || url.password !== "")
    throw new UserError("a URL with a user name or password is not fetched", "Leave them out");
  // Below are mail, shells and the like, which may take a request for something else.
  if (portOf(url) < 1024 && portOf(url) !== 80 && portOf(url) !== 443)
    throw new UserError(`${clip(text)}: port ${url.port} is not asked`, "Ports are 80, 443, and those from 1024 on");
  return url;
}

const portOf = (url: URL): number => Number(url.port || (url.protocol === "https:" ? 443 : 80));

/** The one address to connect to. */
async function allowedAddress(url: URL, options: FetchOptions, signal: AbortSignal) {
  const {
    isAllowed = (address: string) => isForStrangers(address),
    resolve = (host) => resolveHost(host, { all: true, verbatim: true }),
  } = options;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const family = isIP(host);
  const addresses = family !== 0 ? [{ address: host, family }] : await lookUp(host, resolve, signal);
  const [first] = addresses;
  // One private address among public ones is enough to be suspicious.
  if (first === undefined || !addresses.every(({ address }) => isAllowed(address, portOf(url))))
    throw new Error(`${url.host} is not a public address`);
  return first;
}

/** A look-up that nobody waits for any longer still has its thread, and its turn. */
async function lookUp(host: string, resolve: NonNullable<FetchOptions["resolve"]>, signal: AbortSignal) {
  const end = await lookUps.take("", signal);
  return abortable(resolve(host).finally(end), signal);
}

type Answer = { bytes: Uint8Array } | { location: string };

async function get(url: URL, options: FetchOptions, signal: AbortSignal): Promise<Answer> {
  const pinned = await allowedAddress(url, options, signal);
  const lookup: LookupFunction = (_host, { all }, callback) => {
    if (all) callback(null, [pinned]);
    else callback(null, pinned.address, pinned.family);
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = url.protocol === "https:" ? httpsRequest : httpRequest;
    const headers = { accept: "image/*", "accept-encoding": "identity", "user-agent": "rediff" };
    request(url, { headers, lookup, signal, agent: false }, resolve).on("error", reject).end();
  });
  try {
    const status = response.statusCode ?? 0;
    if (status >= 300 && status < 400 && response.headers.location !== undefined)
      return { location: response.headers.location };
    if (status !== 200) throw new UserError(`${clip(url.href)}: answered with status ${status}`);
    return { bytes: await readLimited(response, url, options.maxBytes) };
  } finally {
    response.destroy();
  }
}

async function readLimited(response: IncomingMessage, url: URL, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = () => new UserError(`${clip(url.href)}: larger than ${maxBytes} bytes`);
  if (Number(response.headers["content-length"] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
