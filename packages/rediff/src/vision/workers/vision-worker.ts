/** The thread behind VisionPool: moves the pixels out without a copy. */
import { answerJobs } from "../../threads/answer-jobs.js";
import { runJob } from "./vision-jobs.js";

answerJobs(runJob, (result) => ["pixels" in result ? result.pixels.buffer : result.bytes.buffer]);
