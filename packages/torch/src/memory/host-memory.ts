/** What the process asks of its system: memory that it has freed, signals. Needs the set-up's second addon, but not libtorch,
 *  and loads none. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { locateTorch } from "../../setup/index.mjs";

interface Host {
  returnFreedMemory(): boolean;
  endAtSecondSignal(): void;
}

let host: Host | undefined;

/** Gives back to the system what was freed and is kept by the C library for later (glibc, macOS; elsewhere nothing
 *  happens). Milliseconds for each 100 MB. @returns whether some was given back; false when nothing is set up */
export function returnFreedMemory(): boolean {
  host ??= load();
  return host?.returnFreedMemory() ?? false;
}

/** From now on a second SIGINT or SIGTERM ends the process at once, also while native code runs and JavaScript cannot hear
 *  even the first. To be called when there are listeners to both; removing them undoes it. Nothing happens when nothing is
 *  set up. */
export function endAtSecondSignal(): void {
  host ??= load();
  host?.endAtSecondSignal?.();
}

function load(): Host | undefined {
  const located = locateTorch();
  if (located === undefined) return undefined;
  return createRequire(import.meta.url)(join(dirname(located.addon), "rediff_host.node")) as Host;
}
