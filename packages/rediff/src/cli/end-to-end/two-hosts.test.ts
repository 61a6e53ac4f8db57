/** A training on two hosts, each of which vanishes once: the other tells it and begins anew. Part of `npm run test:ranks`: what
 *  nobody is told of takes a time-out to notice. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { record, writeLines } from "../../data/testing/record-files.js";
import { jsonLines, program, rediff } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { TwoHosts } from "../../testing/two-hosts.js";

const { at } = folderOfFile();

/** Seconds; more where processes take long to start. */
const TIMEOUT = Number(process.env.REDIFF_RANKS_TIMEOUT ?? 15);
const STEPS = 60;

const train = (output: string, ...more: string[]) => [
  ...["train", at("recipe.yaml"), `output=${at(output)}`, `max_steps=${STEPS}`, "save.every=1", "save.keep=2", ...more],
];

const losses = (output: string): number[] =>
  jsonLines(readFileSync(at(output, "metrics.jsonl"), "utf8")).map(({ loss }) => Number(loss));

const newest = (): number =>
  Math.max(
    0,
    ...(existsSync(at("together")) ? readdirSync(at("together")) : []).map((name) =>
      Number(/^checkpoint-(\d+)$/.exec(name)?.[1] ?? 0),
    ),
  );

test.runIf(process.env.REDIFF_RANKS === "all")(
  "a host that vanishes is told by the other in one line that names the rank, and the training goes on",
  { timeout: 1_800_000 },
  async ({ skip }) => {
    const hosts = TwoHosts.make();
    if (typeof hosts === "string") return skip(hosts);
    using _ = hosts;
    writeTinyModel(at("model"), { textOnly: true });
    writeLines(
      at("data.jsonl"),
      Array.from({ length: 6 }, (_, i) => record(`There are ${i} dogs.`)),
    );
    writeLines(at("recipe.yaml"), [
      ...[`model: ${at("model")}`, `data: ${at("data.jsonl")}`, "output: x", "mm_tunable_parts: mm_language_model"],
      ...["dtype: float32", "device: cpu", "batch_size: 1", "max_length: 128", "learning_rate: 1.0e-3", "eps: 1.0e-4"],
      ...["workers: 0", "epochs: 100", "logging: {tensorboard: false}"],
    ]);
    // What nobody disturbs: the same two ranks on one host. Beside one process that adds up in another order, rounding
    // grows from step to step; many-ranks.test.ts compares those.
    const undisturbed = ["launch", "--nproc", "2", "--", ...train("undisturbed", "gradient_accumulation_steps=1")];
    expect(await rediff([...undisturbed, "sharding=optimizer"])).toMatchObject({ status: 0 });

    const launch = (host: 0 | 1) => {
      const started = hosts.start(host, [
        ...[process.execPath, program, "launch", "--nproc", "1", "--nnodes", "2", "--node-rank", String(host)],
        ...["--master-addr", hosts.addresses[0], "--master-port", "29611", "--restarts", "40", "--"],
        ...[...train("together", "gradient_accumulation_steps=1", "sharding=optimizer"), "--timeout", String(TIMEOUT)],
      ]);
      let said = "";
      started.child.stderr.on("data", (text: string) => {
        said += text;
      });
      return { ...started, said: () => said };
    };
    const running = [launch(0), launch(1)];
    for (const host of [1, 0] as const) {
      const other = running[1 - host];
      const from = newest();
      while (newest() < from + 3) {
        if (other?.child.exitCode !== null) throw new Error(`it ended before its time: ${other?.said()}`);
        await sleep(5);
      }
      const before = other?.said().length ?? 0;
      hosts.vanish(host);
      const start = performance.now();
      const gone = new RegExp(`^(?:rediff launch: \\[rank \\d\\] )?rediff: rank ${host} of 2 is gone: [^\\n]*$`, "m");
      while (!gone.test(other?.said().slice(before) ?? "")) {
        if (performance.now() - start > 4000 * TIMEOUT)
          throw new Error(`nobody told it: ${other?.said().slice(before)}`);
        await sleep(20);
      }
      // The time-out, and what the others have to say that they are there; the rest is a busy machine's.
      expect((performance.now() - start) / 1000).toBeLessThan(TIMEOUT + 15);
      hosts.comeBack(host);
      running[host] = launch(host);
    }
    const ends = await Promise.all(running.map(({ done }) => done));
    expect(ends.map(({ status }) => status)).toEqual([0, 0]);
    expect(losses("undisturbed")).toHaveLength(STEPS);
    expect(losses("together")).toEqual(losses("undisturbed"));
  },
);
