/** Unpacks the archives of a data set into a folder, and goes on where an earlier run stopped.
 *
 *  What is done is noted in `.rediff-prepare.json` beside the result: an archive that was unpacked is not read again, and
 *  members of others that are there are not written again. Disk space is looked at before the first byte is written. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { writeText } from "../../files/atomic-file.js";
import { freeBytes } from "../../files/disk-space.js";
import { formatBytes } from "../../units.js";
import type { Archive } from "./archive.js";
import { MemberSink, type Unpacked } from "./member-sink.js";
import { tooLarge, unpackTar } from "./unpack-tar.js";
import { inspectZip, unpackZip } from "./unpack-zip.js";

export interface UnpackJob {
  archive: Archive;
  /** Folder in the output, such as "images". */
  into: string;
}

export interface UnpackOptions {
  /** Unpacked size at most this many times the packed one. */
  maxRatio: number;
  onProgress?: ((event: { archive: string; done: number; total: number }) => void) | undefined;
}

export interface UnpackedArchive extends Unpacked {
  archive: string;
  into: string;
  /** Unpacked by an earlier run. */
  wasDone: boolean;
}

/** Below this, a small file that unpacks well is nothing to worry about. */
const HARMLESS_BYTES = 64 << 20;
/** Pictures hardly shrink in gzip; how much they did is only known afterwards. */
const GZIP_ESTIMATE = 1.1;

const STATE_FILE = ".rediff-prepare.json";

const stateSchema = z.object({
  version: z.literal(1),
  archives: z.record(
    z.string(),
    z.object({ bytes: z.number(), modified: z.number(), into: z.string(), files: z.number(), isWhole: z.boolean() }),
  ),
});
type State = z.infer<typeof stateSchema>;

export async function unpackAll(
  jobs: readonly UnpackJob[],
  output: string,
  { maxRatio, onProgress }: UnpackOptions,
): Promise<UnpackedArchive[]> {
  const state = await readState(output);
  const open = jobs.filter((job) => !isDone(state, job));
  const sizes: number[] = [];
  for (const job of open) sizes.push(await bytesToCome(job, state, output, maxRatio));
  checkSpace(output, sizes);

  const total = open.reduce((sum, { archive }) => sum + archive.bytes, 0);
  let done = 0;
  const results: UnpackedArchive[] = [];
  for (const job of jobs) {
    const { archive, into } = job;
    if (!open.includes(job)) {
      const present = state.archives[archive.name]?.files ?? 0;
      results.push({ archive: archive.name, into, wasDone: true, files: 0, bytes: 0, present, special: [] });
      continue;
    }
    const sink = new MemberSink(join(output, into), archive.name);
    const before = done;
    const onBytes = (bytes: number) => {
      done += bytes;
      onProgress?.({ archive: archive.name, done: Math.min(done, before + archive.bytes), total });
    };
    const { bytes, modified } = archive;
    const note = { bytes, modified, into };
    state.archives[archive.name] = { ...note, files: 0, isWhole: false };
    await writeState(output, state);
    if (archive.kind === "zip") await unpackZip(archive, sink, onBytes);
    else await unpackTar(archive, sink, { onBytes, mostBytes: mostBytes(archive, maxRatio) });
    onBytes(before + archive.bytes - done);
    state.archives[archive.name] = { ...note, files: sink.result.files + sink.result.present, isWhole: true };
    await writeState(output, state);
    results.push({ archive: archive.name, into, wasDone: false, ...sink.result });
  }
  return results;
}

function isDone(state: State, job: UnpackJob): boolean {
  return noteFor(state, job)?.isWhole === true;
}

/** What an earlier run noted about this very archive and place. */
function noteFor({ archives }: State, { archive, into }: UnpackJob): State["archives"][string] | undefined {
  const noted = archives[archive.name];
  const isSame = noted?.bytes === archive.bytes && noted.modified === archive.modified && noted.into === into;
  return isSame ? noted : undefined;
}

const mostBytes = (archive: Archive, maxRatio: number): number => Math.max(HARMLESS_BYTES, archive.bytes * maxRatio);

/** What is still to be written. A zip archive says it; its names are looked at as well, before anything of any archive is
 *  written. How far an interrupted run came with a tar archive is not known: then only the disk itself can tell. */
async function bytesToCome(job: UnpackJob, state: State, output: string, maxRatio: number): Promise<number> {
  const { archive, into } = job;
  if (archive.kind === "zip") {
    const { bytes, missingBytes } = await inspectZip(archive, new MemberSink(join(output, into), archive.name));
    if (bytes > mostBytes(archive, maxRatio)) throw tooLarge(archive, bytes);
    return missingBytes;
  }
  if (noteFor(state, job) !== undefined) return 0;
  return archive.bytes * (archive.kind === "tar.gz" ? GZIP_ESTIMATE : 1);
}

/** @throws UserError when the disk cannot hold it all */
function checkSpace(output: string, sizes: readonly number[]): void {
  const needed = sizes.reduce((sum, size) => sum + size, 0);
  const free = freeBytes(output);
  if (free === undefined || free >= needed) return;
  throw new UserError(
    `${output}: unpacking takes about ${formatBytes(needed)}, and ${formatBytes(free)} are free on its disk`,
    "Make room, or name an --output on a larger disk.",
  );
}

async function readState(output: string): Promise<State> {
  const file = join(output, STATE_FILE);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return { version: 1, archives: {} };
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UserError(`${file}: is not what an earlier run wrote`, "Remove it; what is unpacked is kept.", { cause });
  }
}

/** Not synced: what is lost when the machine goes down is unpacked once more. */
async function writeState(output: string, state: State): Promise<void> {
  await writeText(join(output, STATE_FILE), `${JSON.stringify(state, null, 2)}\n`, { sync: false });
}
