/** What went wrong between processes, and where: a rank that is alone with an error has to say which one it is. */
import { native } from "../native.js";

export class DistributedError extends Error {
  override readonly name = "DistributedError";
  /** Undefined for a store, which has no ranks. */
  readonly rank: number | undefined;
  /** What was done: "allReduce", "connect" ... */
  readonly operation: string;

  constructor(message: string, where: { rank?: number | undefined; operation: string; cause?: unknown }) {
    super(message, where.cause === undefined ? undefined : { cause: where.cause });
    this.rank = where.rank;
    this.operation = where.operation;
  }
}

/** Whether an error says that the others did not come in time; anything else is a connection that broke, or a mistake. */
export const isTimeout = (error: unknown): boolean =>
  error instanceof Error && /timed? ?out|timeout/i.test(error.message);

/** The first line of what libtorch says, without the C++ file that it stands in (the rest is a stack), and without what
 *  c10d and Gloo add to every message: guesses, good wishes. */
export function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const [line = ""] = message.replace(/^\w+: /, "").split("\n"); // the native function's name
  return line
    .replace(/^\[[^\]]*\.(cc|cpp|h):\d+\] */, "")
    .replace(/\s*\b(GLHF|This may indicate)\b.*$/, "")
    .replace(/\.$/, "");
}

/** @throws where this libtorch knows nothing of other processes */
export function assertDistributed(): void {
  if (native.makeStore === undefined)
    throw new DistributedError(
      "this libtorch was built without c10d, so that processes cannot work together; the wheels of PyPI have it",
      { operation: "connect" },
    );
}

/** A time in milliseconds that C++ takes. */
export function checkedTimeout(timeoutMs: number): number {
  if (!Number.isFinite(timeoutMs) || timeoutMs < 1 || timeoutMs > 2 ** 31)
    throw new RangeError(`timeoutMs is ${timeoutMs}; expected from 1 to 2^31`);
  return Math.ceil(timeoutMs);
}
