/** The thread or process behind VisionPool: from a thread the pixels are moved out without a copy. */
import { answerJobs } from "../../threads/answer-jobs.js";
import { runJob } from "./vision-jobs.js";

answerJobs(runJob, (result) => ["pixels" in result ? result.pixels.buffer : result.bytes.buffer]);
