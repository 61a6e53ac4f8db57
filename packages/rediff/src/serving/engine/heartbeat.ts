/** The thread of the model's process that beats, whatever the others do. A byte a second on a pipe of its own: the main
 *  thread, which has the channel to the server, is in native code for as long as a step takes. */
import { writeSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { TICK_MS } from "./life-signs.js";

/** The first descriptor behind those of standard streams and the channel. */
export const HEARTBEAT_DESCRIPTOR = 4;

const sign = Buffer.of(1);

function beat(): void {
  try {
    writeSync(HEARTBEAT_DESCRIPTOR, sign);
  } catch (error) {
    // Nobody reads: the server is gone, and the main thread will not hear of it before its step is done. A full pipe is
    // a server that is busy.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.kill(process.pid, "SIGKILL");
  }
}

beat();
setInterval(beat, TICK_MS);
parentPort?.postMessage("beats");
