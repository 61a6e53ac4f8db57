/** One run at a time in an output folder: two would overwrite each other's checkpoints and lines.
 *
 *  The lock is a file that names its process. That of a process of this machine that is no more is taken over; that of
 *  another machine cannot be told, and is taken over when it was not touched for a while. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { isAlive } from "../../files/processes.js";

const HEARTBEAT_MS = 30_000;
/** A step of a large model, during which nothing is touched, may take minutes. */
const STALE_MS = 60 * 60_000;

const ownerSchema = z.object({ pid: z.int(), host: z.string() });

/** @throws UserError when another run is at work in the folder */
export function lockOutput(output: string): Disposable {
  const made = mkdirSync(output, { recursive: true });
  const path = join(output, ".lock");
  const content = JSON.stringify({ pid: process.pid, host: hostname() });
  if (!create(path, content)) {
    const owner = ownerOf(path);
    if (owner !== undefined && isAtWork(path, owner))
      throw new UserError(
        `${output} is in use by another run (process ${owner.pid} on ${owner.host})`,
        `Wait for its end, or name another output. If it is no more, remove ${path}.`,
      );
    rmSync(path, { force: true });
    if (!create(path, content)) throw new UserError(`${output} is in use by another run that starts at this moment`);
  }
  const heartbeat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // The folder may be gone; the run finds out when it saves.
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    [Symbol.dispose]() {
      clearInterval(heartbeat);
      rmSync(path, { force: true });
      if (made !== undefined) removeEmpty(resolve(output), resolve(made)); // a run that came to nothing
    },
  };
}

/** Removes `folder`, and the folders above it up to `top`, as far as they are empty. */
function removeEmpty(folder: string, top: string): void {
  for (let at = folder; at.length >= top.length; at = dirname(at)) {
    if (!existsSync(at) || readdirSync(at).length > 0) return;
    rmdirSync(at);
  }
}

function create(path: string, content: string): boolean {
  try {
    const file = openSync(path, "wx");
    writeSync(file, content);
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function ownerOf(path: string): z.infer<typeof ownerSchema> | undefined {
  try {
    return ownerSchema.safeParse(JSON.parse(readFileSync(path, "utf8"))).data;
  } catch {
    return undefined; // gone meanwhile, or cut short by a kill
  }
}

function isAtWork(path: string, { pid, host }: z.infer<typeof ownerSchema>): boolean {
  if (host !== hostname()) return Date.now() - statSync(path).mtimeMs < STALE_MS;
  return isAlive(pid);
}
