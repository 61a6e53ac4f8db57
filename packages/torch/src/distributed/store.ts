/** A table of short texts that processes share, over TCP: how they find each other, and hand out work.
 *
 *  One process keeps it, the others connect. Each store has a thread of its own and does one thing at a time, in order;
 *  whoever waits for a key and wants to set others meanwhile connects twice. */
import { native } from "../native.js";
import { assertDistributed, checkedTimeout, DistributedError, reasonOf } from "./distributed-error.js";

export interface StoreOptions {
  /** Of the process that keeps the store. */
  host: string;
  /** 0 lets the system choose, where `isServer`. */
  port: number;
  /** Whether this process keeps it. Exactly one does. */
  isServer: boolean;
  /** For the connection, for `get`, and for every other answer of the server. Default 300,000. */
  timeoutMs?: number;
  /** Put before every key: for several uses of one store. */
  prefix?: string;
}

/** Beyond the time for which the server itself is to wait. */
const ANSWER_MS = 2_000;

/** @throws DistributedError when nobody keeps the store there in time, or the port is taken */
export async function connectStore(options: StoreOptions): Promise<TcpStore> {
  assertDistributed();
  const { host, port, isServer, timeoutMs = 300_000, prefix = "" } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || (port === 0 && !isServer))
    throw new RangeError(`the store's port is ${port}; expected from ${isServer ? 0 : 1} to 65535`);
  const timeout = checkedTimeout(timeoutMs);
  const id = native.makeStore?.(host, port, isServer, timeout, prefix) as number;
  try {
    return new TcpStore(id, host, await native.storeConnect(id), timeout);
  } catch (cause) {
    await native.storeClose(id);
    const what = isServer
      ? `no store can be kept at ${host}:${port}`
      : `no store at ${host}:${port} within ${timeout / 1000} s`;
    throw new DistributedError(`${what}: ${reasonOf(cause)}`, { operation: "connect", cause });
  }
}

/** Values are texts. Owns its connection, and where it is the server the table: `close()` it, or `await using`. */
export class TcpStore implements AsyncDisposable {
  /** @internal */
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly #timeout: number;
  #broken: DistributedError | undefined;
  #closed: Promise<void> | undefined;

  /** @internal see connectStore */
  constructor(id: number, host: string, port: number, timeout: number) {
    this.id = id;
    this.host = host;
    this.port = port;
    this.#timeout = timeout;
  }

  set(key: string, value: string, timeoutMs = this.#timeout): Promise<void> {
    return this.#told("set", key, () => native.storeSet(this.id, key, value), timeoutMs);
  }

  /** The value of a key, which is waited for. @throws DistributedError when nobody sets it in time */
  get(key: string, timeoutMs = this.#timeout): Promise<string> {
    const timeout = checkedTimeout(timeoutMs);
    return this.#told("get", key, () => native.storeGet(this.id, key, timeout), timeout + ANSWER_MS);
  }

  /** Adds to a number, which begins as 0, and gives the sum: no two callers get the same where `amount` is positive. */
  add(key: string, amount: number): Promise<number> {
    return this.#told("add", key, () => native.storeAdd(this.id, key, amount));
  }

  async has(key: string, timeoutMs = this.#timeout): Promise<boolean> {
    return (await this.#told("has", key, () => native.storeHas(this.id, key), timeoutMs)) === 1;
  }

  /** Sets a key to `desired` if it is `expected` now ("" where it is not there), and gives what it is then. */
  compareSet(key: string, expected: string, desired: string): Promise<string> {
    return this.#told("compareSet", key, () => native.storeCompareSet(this.id, key, expected, desired));
  }

  /** Whether there was such a key. */
  async delete(key: string): Promise<boolean> {
    return (await this.#told("delete", key, () => native.storeDelete(this.id, key))) === 1;
  }

  /** After what is under way. Twice is once. */
  close(): Promise<void> {
    this.#closed ??= native.storeClose(this.id);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** c10d waits for an answer as long as the connection stands, which is a quarter of an hour where the server's host has
   *  vanished. What is not answered in time breaks the store for good: its thread is left to wait. */
  async #told<T>(operation: string, key: string, run: () => Promise<T>, limitMs = this.#timeout): Promise<T> {
    if (this.#broken !== undefined) throw this.#broken;
    const fail = (reason: string, cause?: unknown) =>
      new DistributedError(`store ${this.host}:${this.port}: ${operation} ${key}: ${reason}`, { operation, cause });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#broken ??= fail(`timed out: no answer within ${limitMs / 1000} s`);
        this.#closed ??= Promise.resolve();
        native.storeAbandon(this.id);
        reject(this.#broken);
      }, limitMs);
    });
    try {
      return await Promise.race([run(), late]);
    } catch (cause) {
      throw cause === this.#broken ? cause : fail(reasonOf(cause), cause);
    } finally {
      clearTimeout(timer);
    }
  }
}
