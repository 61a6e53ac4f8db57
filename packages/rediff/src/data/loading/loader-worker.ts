/** The thread behind loader and check: reads, builds or checks what it is told, and moves pixels out without a copy. */
import { workerData } from "node:worker_threads";
import { loadTokenizer } from "../../text/tokenizer.js";
import { answerJobs } from "../../threads/answer-jobs.js";
import { RecordReader } from "../records/record-reader.js";
import { type LoaderJob, type LoaderResult, type LoaderSetup, runLoaderJob } from "./loader-job.js";

const { tokenizerFolder, settings } = workerData as LoaderSetup;
const reader = new RecordReader();
// Failing to load is told to every job; nobody listens yet.
const tokenizer = loadTokenizer(tokenizerFolder);
tokenizer.catch(() => undefined);

answerJobs<LoaderJob, LoaderResult>(
  async (job, signal) => runLoaderJob(job, reader, { tokenizer: await tokenizer, settings }, signal),
  (result) => (result.type === "sample" && result.ok ? result.sample.visuals.map(({ pixels }) => pixels.buffer) : []),
);
