/** The thread behind VisionPool: moves the pixels out without a copy. */
import { answerJobs } from "../../threads/answer-jobs.js";
import { runJob } from "./vision-jobs.js";

answerJobs(runJob, (tiles) => [tiles.pixels.buffer]);
