/** A process group: processes, numbered from 0, that call the same collectives in the same order.
 *
 *  A collective starts when it is called and gives a `Work`, whose `wait()` is a promise: JavaScript's thread goes on
 *  meanwhile, and several may be under way. Its tensors must not be touched until then. What fails once has failed for
 *  good: c10d's connections are gone, and the next collective says what the first one said. */

import { elementSize } from "../dtype.js";
import { native } from "../native.js";
import type { Tensor } from "../tensor.js";
import { assertDistributed, checkedTimeout, DistributedError, reasonOf } from "./distributed-error.js";
import type { TcpStore } from "./store.js";

export type Reduction = "sum" | "max" | "min";

export interface GroupOptions {
  store: TcpStore;
  rank: number;
  size: number;
  /** "gloo" for tensors on the CPU, "nccl" for CUDA's. Default "gloo". */
  backend?: "gloo" | "nccl";
  /** For every rank to come, and for each collective. Default 1,800,000. */
  timeoutMs?: number;
  /** Tells the groups over one store apart. Default "default". */
  name?: string;
  /** Gloo: the network interface that peers reach this process by. Default: `GLOO_SOCKET_IFNAME`, else the one that
   *  this host's name stands for; with a store on this machine, its own address. */
  networkInterface?: string;
  /** NCCL: the path of the library that opens it (README). Default `REDIFF_NCCL`. */
  ncclLibrary?: string;
}

/** One collective under way. */
export interface Work {
  /** Settles when the tensors are ready. @throws DistributedError which names rank, collective and shapes */
  wait(): Promise<void>;
}

/** What this rank has put on the network, counted from the shapes as the backend's algorithms send them: rings, and a tree
 *  for broadcasts. A test compares Gloo's with what the system saw written. */
export interface Traffic {
  collectives: number;
  sentBytes: number;
  /** Time in which somebody waited for a collective. */
  waitedMs: number;
}

/** Meets the other ranks. @throws DistributedError when not all come in time */
export async function openGroup(options: GroupOptions): Promise<ProcessGroup> {
  assertDistributed();
  const { store, rank, size, backend = "gloo", timeoutMs = 1_800_000, name = "default" } = options;
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`a group of ${size} processes`);
  if (!Number.isInteger(rank) || rank < 0 || rank >= size)
    throw new RangeError(`rank ${rank} of ${size}: expected from 0 to ${size - 1}`);
  const timeout = checkedTimeout(timeoutMs);
  const where = { rank, operation: "openGroup" };
  const place = backend === "nccl" ? ncclPlace(options) : glooPlace(options);
  if (place === undefined)
    throw new DistributedError(
      "the backend nccl needs a library of its own, which is not built: it takes CUDA's and NCCL's headers",
      where,
    );
  try {
    const id = await native.makeGroup(store.id, backend, rank, size, timeout, name, place);
    return new ProcessGroup(id, { rank, size, backend, timeoutMs: timeout });
  } catch (cause) {
    throw new DistributedError(
      `rank ${rank} of ${size}: not all ranks met at ${store.host}:${store.port} within ${timeout / 1000} s: ${reasonOf(cause)}`,
      { ...where, cause },
    );
  }
}

const ncclPlace = ({ ncclLibrary = process.env.REDIFF_NCCL }: GroupOptions): string | undefined =>
  ncclLibrary === "" ? undefined : ncclLibrary;

/** As native/distributed.cc takes it: "=INTERFACE", an address, or "" for this host's name. */
function glooPlace({ store, networkInterface = process.env.GLOO_SOCKET_IFNAME }: GroupOptions): string {
  if (networkInterface !== undefined && networkInterface !== "") return `=${networkInterface}`;
  return /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(store.host) ? "127.0.0.1" : "";
}

/** @internal what a collective is given */
interface Operands {
  output?: Tensor;
  input?: Tensor;
  reduction?: Reduction;
  root?: number;
  /** Bytes that this rank sends. */
  sent: number;
}

export class ProcessGroup implements AsyncDisposable {
  readonly rank: number;
  readonly size: number;
  readonly backend: "gloo" | "nccl";
  readonly timeoutMs: number;
  readonly #id: number;
  readonly #traffic: Traffic = { collectives: 0, sentBytes: 0, waitedMs: 0 };
  readonly #abort = new AbortController();
  #broken: DistributedError | undefined;
  #closed: Promise<void> | undefined;

  /** @internal see openGroup */
  constructor(id: number, facts: Pick<ProcessGroup, "rank" | "size" | "backend" | "timeoutMs">) {
    this.#id = id;
    this.rank = facts.rank;
    this.size = facts.size;
    this.backend = facts.backend;
    this.timeoutMs = facts.timeoutMs;
  }

  /** Since the group was opened. */
  get traffic(): Readonly<Traffic> {
    return { ...this.#traffic };
  }

  /** In place: the sum over all ranks (or the largest, the smallest), on all of them the same to the last bit. */
  allReduce(tensor: Tensor, reduction: Reduction = "sum"): Work {
    const sent = 2 * this.#share(bytesOf(tensor));
    return this.#start("allReduce", { output: tensor, reduction, sent });
  }

  /** Every rank's `input` [n, ...] one after the other: `output` has size × as many elements, and any shape. */
  allGather(output: Tensor, input: Tensor): Work {
    this.#assertTimes("allGather", { whole: output, part: input, names: ["output", "input"] });
    return this.#start("allGather", { output, input, sent: this.#share(bytesOf(output)) });
  }

  /** The sum of all ranks' `input`, of which this rank gets its part: the opposite of `allGather`. */
  reduceScatter(output: Tensor, input: Tensor, reduction: Reduction = "sum"): Work {
    this.#assertTimes("reduceScatter", { whole: input, part: output, names: ["input", "output"] });
    // Gloo's own would be an all-reduce; ours hands every rank its part, and sums (native/distributed.cc).
    return this.#start("reduceScatter", { output, input, reduction, sent: this.#share(bytesOf(input)) });
  }

  /** In place: what rank `root` has. */
  broadcast(tensor: Tensor, root = 0): Work {
    if (!Number.isInteger(root) || root < 0 || root >= this.size)
      throw new RangeError(`${this.#me}: broadcast from rank ${root}: expected from 0 to ${this.size - 1}`);
    return this.#start("broadcast", {
      output: tensor,
      root,
      sent: childrenInTree(this.rank, root, this.size) * bytesOf(tensor),
    });
  }

  /** Settles when all ranks have come to it. */
  barrier(): Work {
    return this.#start("barrier", { sent: 0 });
  }

  /** Ends every wait, now and later, with this reason. Connections close by themselves when their time is out. */
  abort(reason: string): void {
    this.#broken ??= new DistributedError(`${this.#me}: ${reason}`, { rank: this.rank, operation: "abort" });
    this.#abort.abort(this.#broken);
  }

  /** After what is under way; of an aborted group, at once. Twice is once. */
  async close(): Promise<void> {
    this.#closed ??= native.closeGroup(this.#id);
    this.#closed.catch(() => undefined);
    if (!this.#abort.signal.aborted) await this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #me(): string {
    return `rank ${this.rank} of ${this.size}`;
  }

  /** What a ring sends of `bytes` in one round. */
  #share(bytes: number): number {
    return (bytes * (this.size - 1)) / this.size;
  }

  #start(name: string, operands: Operands): Work {
    if (this.#broken !== undefined) throw this.#broken;
    const nth = ++this.#traffic.collectives;
    const shapes = [operands.input, operands.output].filter((tensor) => tensor !== undefined).map(describe);
    const of = shapes.length === 0 ? "" : ` of ${shapes.join(" to ")}`;
    const failed = (cause: unknown) => {
      this.#broken ??= new DistributedError(`${this.#me}: ${name}${of} (collective ${nth}): ${reasonOf(cause)}`, {
        rank: this.rank,
        operation: name,
        cause,
      });
      return this.#broken;
    };
    let done: Promise<void>;
    try {
      const { output, input, reduction = "sum", root = 0 } = operands;
      done = native.collective(this.#id, name, output?.slot, input?.slot, reduction, root);
    } catch (cause) {
      // Nothing was started: a mistake of the caller, which leaves the connections as they are.
      throw new DistributedError(`${this.#me}: ${name}${of}: ${reasonOf(cause)}`, {
        ...{ rank: this.rank, operation: name },
        cause,
      });
    }
    this.#traffic.sentBytes += operands.sent;
    const settled = done.catch((cause: unknown) => Promise.reject(failed(cause)));
    settled.catch(() => undefined); // told to whoever waits
    return { wait: () => this.#wait(settled) };
  }

  async #wait(settled: Promise<void>): Promise<void> {
    const start = performance.now();
    const { signal } = this.#abort;
    signal.throwIfAborted();
    let stop: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop);
    });
    try {
      await Promise.race([settled, aborted]);
    } finally {
      if (stop !== undefined) signal.removeEventListener("abort", stop);
      this.#traffic.waitedMs += performance.now() - start;
    }
  }

  #assertTimes(name: string, { whole, part, names }: { whole: Tensor; part: Tensor; names: [string, string] }): void {
    if (whole.dtype === part.dtype && whole.numel === part.numel * this.size) return;
    throw new DistributedError(
      `${this.#me}: ${name}: the ${names[0]} is ${describe(whole)}, and has to be of the ${names[1]}'s dtype and ${this.size} times as large: that is ${describe(part)}`,
      { rank: this.rank, operation: name },
    );
  }
}

const describe = (tensor: Tensor): string => `${tensor.dtype} [${tensor.shape.join(", ")}]`;
const bytesOf = (tensor: Tensor): number => tensor.numel * elementSize(tensor.dtype);

/** To how many ranks this one hands a broadcast on: a binomial tree, as Gloo has it. */
function childrenInTree(rank: number, root: number, size: number): number {
  const place = (rank - root + size) % size;
  let children = 0;
  for (let bit = 1; bit < size; bit <<= 1) {
    if ((place & (bit - 1)) !== 0) continue;
    if ((place & bit) === 0 && place + bit < size) children++;
    if ((place & bit) !== 0) break;
  }
  return children;
}
