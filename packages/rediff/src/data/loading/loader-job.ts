/** What loader threads are asked to do, and the same done in any thread. */

import { type CheckMode, checkRecord, type RecordFindings } from "../checking/check-record.js";
import type { RecordPlace } from "../records/file-index.js";
import type { RecordReader } from "../records/record-reader.js";
import type { SampleContext, SampleSettings } from "../samples/build-sample.js";
import { prepareSample, type SampleOrSkip } from "../samples/read-sample.js";

/** What a thread is started with. */
export interface LoaderSetup {
  /** A model folder: tokenizers cannot be sent, so each thread loads its own. */
  tokenizerFolder: string;
  settings: SampleSettings;
}

export type LoaderJob =
  | { type: "sample"; place: RecordPlace }
  | { type: "check"; places: RecordPlace[]; mode: CheckMode };

export type LoaderResult = ({ type: "sample" } & SampleOrSkip) | { type: "check"; findings: RecordFindings[] };

export async function runLoaderJob(
  job: LoaderJob,
  reader: RecordReader,
  context: SampleContext,
  signal?: AbortSignal,
): Promise<LoaderResult> {
  if (job.type === "sample") return { type: "sample", ...(await prepareSample(job.place, reader, context, signal)) };
  const findings: RecordFindings[] = [];
  for (const place of job.places) {
    signal?.throwIfAborted();
    findings.push(await checkRecord(place, reader, context, job.mode, signal));
  }
  return { type: "check", findings };
}

export function describeJob(job: LoaderJob): string {
  const place = job.type === "sample" ? job.place : job.places[0];
  if (place === undefined) return "nothing";
  return `${place.file}${place.line === undefined ? `[${place.index}]` : `:${place.line}`}`;
}
