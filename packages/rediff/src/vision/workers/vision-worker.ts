/** The thread or process behind VisionPool: from a thread the pixels are moved out without a copy. */
import { answerJobs } from "../../threads/answer-jobs.js";
import { type AnyJob, type JobOutput, runJob } from "./vision-jobs.js";

answerJobs<AnyJob, JobOutput>(runJob, (result) =>
  "pixels" in result ? [result.pixels.buffer] : "bytes" in result ? [result.bytes.buffer] : [],
);
