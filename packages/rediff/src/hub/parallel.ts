/** Runs `work` over `items`, at most `width` at a time. The first failure stops the others through the signal that
 *  `work` is given; it is thrown once all have come to rest, so that no file or lock is left behind. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  outer: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const forward = () => stop.abort(outer?.reason);
  outer?.addEventListener("abort", forward);
  if (outer?.aborted) forward();
  const queue = items.values();
  let failure: { error: unknown } | undefined;
  const worker = async () => {
    for (const item of queue) {
      if (stop.signal.aborted) return;
      try {
        await work(item, stop.signal);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  } finally {
    outer?.removeEventListener("abort", forward);
  }
  if (failure) throw failure.error;
  outer?.throwIfAborted();
}
