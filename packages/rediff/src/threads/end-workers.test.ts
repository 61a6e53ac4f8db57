import { expect, test } from "vitest";
import { startProgram } from "../testing/command-line.js";
import { existingWorkerUrl } from "./worker-url.js";

test("a process that waits for the end of idle threads is there when they have ended", async () => {
  const module = existingWorkerUrl("./end-workers.js", import.meta.url).href;
  const script = `
    import { Worker } from "node:worker_threads";
    import { endWorkers } from ${JSON.stringify(module)};
    const workers = Array.from({ length: 4 }, () => new Worker("setInterval(() => {}, 1000)", { eval: true }));
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once("online", resolve))));
    for (const worker of workers) worker.unref();
    await endWorkers(workers);
    console.log("ended");`;
  const { status, stdout } = await startProgram(process.execPath, ["--input-type=module", "-e", script]).done;
  expect({ status, stdout }).toEqual({ status: 0, stdout: "ended\n" });
});
