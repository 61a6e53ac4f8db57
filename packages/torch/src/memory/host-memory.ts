/** Memory that the process has freed. Needs the set-up's second addon, but not libtorch, and loads none. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { locateTorch } from "../../setup/index.mjs";

interface Host {
  returnFreedMemory(): boolean;
}

let host: Host | undefined;

/** Gives back to the system what was freed and is kept by the C library for later (glibc, macOS; elsewhere nothing
 *  happens). Milliseconds for each 100 MB. @returns whether some was given back; false when nothing is set up */
export function returnFreedMemory(): boolean {
  host ??= load();
  return host?.returnFreedMemory() ?? false;
}

function load(): Host | undefined {
  const located = locateTorch();
  if (located === undefined) return undefined;
  return createRequire(import.meta.url)(join(dirname(located.addon), "rediff_host.node")) as Host;
}
