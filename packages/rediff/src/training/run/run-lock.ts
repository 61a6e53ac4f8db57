/** One run at a time in an output folder: two would overwrite each other's checkpoints and lines.
 *
 *  The lock is a file that names its process. That of a process of this machine that is no more is taken over; that of
 *  another machine cannot be told, and is taken over when it was not touched for an hour, and is not while we watch:
 *  clocks are set, and differ. */
import {
  closeSync,
  existsSync,
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
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { isSameAlive, thisProcess } from "../../files/processes.js";
import { makeFolders } from "../../files/whole-folder.js";
import { writeError } from "../../files/write-errors.js";

const HEARTBEAT_MS = 30_000;
/** A step of a large model, during which nothing is touched, may take minutes. */
const STALE_MS = 60 * 60_000;

const WATCH_MS = 2.2 * HEARTBEAT_MS;

const ownerSchema = z.object({ pid: z.int(), host: z.string(), since: z.string().optional() });

export interface LockOptions {
  onNote?: ((line: string) => void) | undefined;
  /** How long another machine's old lock is watched; for tests. */
  watchMs?: number;
}

/** @throws UserError when another run is at work in the folder, or when nothing can be written there */
export async function lockOutput(output: string, options: LockOptions = {}): Promise<Disposable> {
  try {
    return await lock(output, options);
  } catch (cause) {
    throw writeError(output, cause);
  }
}

/** Who is at work in an output folder, as far as it can be told at once: of another machine, whoever touched the lock within
 *  the hour. Nothing is written or taken. */
export function whoIsAtWork(output: string): { pid: number; host: string; isHere: boolean } | undefined {
  const path = join(output, ".lock");
  const owner = ownerOf(path);
  if (owner === undefined) return undefined;
  const isHere = owner.host === hostname();
  const isAtWork = isHere ? isSameAlive(owner) : Date.now() - touchedAt(path) < STALE_MS;
  return isAtWork ? { pid: owner.pid, host: owner.host, isHere } : undefined;
}

async function lock(output: string, options: LockOptions): Promise<Disposable> {
  const made = makeFolders(output);
  const path = join(output, ".lock");
  const content = JSON.stringify({ ...thisProcess(), host: hostname() });
  if (!create(path, content)) {
    const owner = ownerOf(path);
    if (owner !== undefined && (await isAtWork(path, owner, options)))
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
      try {
        rmSync(path, { force: true });
        if (made !== undefined) removeEmpty(resolve(output), resolve(made)); // a run that came to nothing
      } catch {
        // A disk that fails: the run has said so, and the next one sees that this process is no more.
      }
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
    try {
      writeSync(file, content);
    } finally {
      closeSync(file);
    }
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

async function isAtWork(path: string, owner: z.infer<typeof ownerSchema>, options: LockOptions): Promise<boolean> {
  if (owner.host === hostname()) return isSameAlive(owner);
  const touched = touchedAt(path);
  if (Date.now() - touched < STALE_MS) return true;
  const { watchMs = WATCH_MS, onNote } = options;
  onNote?.(`${path} of ${owner.host} is old; watching for ${Math.ceil(watchMs / 1000)} s whether it is still in use`);
  await sleep(watchMs);
  return touchedAt(path) !== touched;
}

const touchedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
