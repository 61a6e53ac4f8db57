/** One place in the data to one sample, or to the reason why there is none: the same function in any thread. */
import { setTimeout } from "node:timers/promises";
import type { RecordPlace } from "../records/file-index.js";
import { type RecordReader, sourceOf } from "../records/record-reader.js";
import { buildSample, type SampleContext } from "./build-sample.js";
import type { DataRecord, SampleSource, TrainingSample } from "./sample.js";
import { type Skip, toSkip } from "./sample-error.js";

export type SampleOrSkip = { ok: true; sample: TrainingSample } | { ok: false; skip: Skip };

/** Waits between tries of what a disk or a network may do better the next time. */
const RETRY_WAITS_MS: readonly number[] = [200, 1000, 4000];

/** Rejects only when aborted. */
export async function prepareSample(
  place: RecordPlace,
  reader: RecordReader,
  context: SampleContext,
  signal?: AbortSignal,
): Promise<SampleOrSkip> {
  let source: SampleSource = sourceOf(place);
  try {
    const read = async (): Promise<DataRecord> => reader.read(place);
    const record = await withRetries(read, RETRY_WAITS_MS, signal);
    source = record.source;
    const build = async (): Promise<TrainingSample> => buildSample(record, context, signal);
    return { ok: true, sample: await withRetries(build, RETRY_WAITS_MS, signal) };
  } catch (error) {
    signal?.throwIfAborted();
    return { ok: false, skip: toSkip(error, source) };
  }
}

/** Tries again, after each of the waits, when the error is one that may pass. */
export async function withRetries<Result>(
  attempt: () => Promise<Result>,
  waitsMs: readonly number[],
  signal?: AbortSignal,
): Promise<Result> {
  for (const wait of waitsMs) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await setTimeout(wait, undefined, signal === undefined ? {} : { signal });
    }
  }
  return attempt();
}

/** What disks, network folders and a short supply of handles or memory say. A missing or damaged file stays so. */
const passing = new Set(["EIO", "EAGAIN", "EBUSY", "EMFILE", "ENFILE", "ENOMEM", "ETIMEDOUT", "ESTALE", "EINTR"]);
const passingNetwork = new Set(["ECONNRESET", "ECONNABORTED", "ENETDOWN", "ENETUNREACH", "EHOSTDOWN", "ENOTCONN"]);

/** Looks through the causes: the message for people hides the code. */
function isPassing(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = "code" in cause ? String(cause.code) : "";
    if (passing.has(code) || passingNetwork.has(code)) return true;
  }
  return false;
}
