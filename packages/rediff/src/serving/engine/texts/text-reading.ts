/** What the thread behind TextPool does: it has the model folder's tokenizer and what its config says. */
import { workerData } from "node:worker_threads";
import { readAskable } from "../../../inference/model-facts.js";
import { answerJobs } from "../../../threads/answer-jobs.js";
import { collectWhenIdle } from "../../../threads/idle-garbage.js";
import { resolveServed, type TextJob } from "./text-jobs.js";
import type { TextPoolOptions } from "./text-pool.js";

const { folder, base, quantize }: TextPoolOptions = workerData;
const model = readAskable(folder, base).then((read) =>
  quantize === undefined ? read : { ...read, facts: { ...read.facts, quantization: quantize } },
);
model.catch(() => undefined); // each job tells it

collectWhenIdle();
answerJobs(
  async (job: TextJob | "warm") => {
    const read = await model;
    return job === "warm" ? undefined : resolveServed(read, job);
  },
  () => [],
);
