/** Whether the launcher is still there: processes that it started work for nobody when it is not. */

const LOOK_MS = 1_000;

/** Calls `orphaned` once when this process' parent is another than now. */
export function watchParent(orphaned: () => void): Disposable {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    orphaned();
  }, LOOK_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
