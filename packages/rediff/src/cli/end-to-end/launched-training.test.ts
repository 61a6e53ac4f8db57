/** `rediff launch -- train` with real processes, one of which is killed. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openCheckpoint } from "@rediff/torch";
import { expect, test } from "vitest";
import { record, writeLines } from "../../data/testing/record-files.js";
import { jsonLines, rediff, startRediff } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";

const { at } = folderOfFile();

const losses = (output: string): number[] =>
  jsonLines(readFileSync(at(output, "metrics.jsonl"), "utf8")).map(({ loss }) => Number(loss));

const lastMetrics = (output: string) => jsonLines(readFileSync(at(output, "metrics.jsonl"), "utf8")).at(-1) ?? {};

function weightBytes(folder: string): Map<string, number> {
  using weights = openCheckpoint(folder);
  const bytes = new Map<string, number>();
  for (const name of weights.names()) {
    using weight = weights.get(name);
    bytes.set(name, 4 * weight.numel);
  }
  return bytes;
}

const keys = (output: string, ...more: string[]) => [
  ...["train", at("recipe.yaml"), `output=${at(output)}`, "max_steps=12", "save.every=1", "save.keep=2"],
  ...more,
];

test.skipIf(process.platform !== "linux")(
  "a killed rank is named, all begin anew, and the losses are those of one process",
  { timeout: 600_000 },
  async () => {
    writeTinyModel(at("model"), { textOnly: true });
    writeLines(
      at("data.jsonl"),
      Array.from({ length: 6 }, (_, i) => record(`There are ${i} dogs.`)),
    );
    writeLines(at("recipe.yaml"), [
      ...[
        `model: ${at("model")}`,
        `data: ${at("data.jsonl")}`,
        "output: replaced",
        "mm_tunable_parts: mm_language_model",
      ],
      ...["dtype: float32", "device: cpu", "batch_size: 1", "max_length: 128", "learning_rate: 1.0e-3", "eps: 1.0e-4"],
      ...["workers: 0", "epochs: 20", "logging: {tensorboard: false}"],
    ]);
    expect(await rediff(keys("alone", "gradient_accumulation_steps=2"))).toMatchObject({ status: 0 });

    const { child, done } = await startRediff([
      ...["launch", "--nproc", "2", "--restarts", "1", "--"],
      ...keys("together", "gradient_accumulation_steps=1", "sharding=full"),
    ]);
    while (child.exitCode === null && !existsSync(at("together", "checkpoint-2"))) await sleep(20);
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
    expect(children).toHaveLength(2);
    process.kill(Number(children[1]), "SIGKILL");
    const { status, stderr } = await done;
    expect(stderr).toContain("rediff launch: rank 1 was killed by SIGKILL; ending the others\n");
    expect(stderr).toContain("rediff launch: starting all anew, restart 1 of 1\n");
    expect(stderr).toMatch(/goes on from .*checkpoint-\d+, after step \d+/);
    expect(status, stderr).toBe(0);
    const [alone, together] = [losses("alone"), losses("together")];
    expect(together).toHaveLength(12);
    expect(stderr).not.toMatch(/\[[WE]\d{4} /); // c10d's own words on the rank that is gone
    for (const [i, loss] of together.entries()) expect(Math.abs(loss / (alone[i] as number) - 1)).toBeLessThan(1e-6);
    expect(readdirSync(at("together")).filter((name) => name.startsWith("."))).toEqual([]);

    // Weights, gradients and moments: this process has half of them.
    const bytes = weightBytes(at("alone"));
    const sum = (part: string) => [...bytes].reduce((all, [name, own]) => all + (name.includes(part) ? own : 0), 0);
    const whole = 4 * sum("") - 3 * sum("embed_tokens"); // of the table's rows only those that were read have more
    const [all, half] = [lastMetrics("alone"), lastMetrics("together")];
    const saved = Number(all.tensor_bytes) - Number(half.tensor_bytes);
    expect(Math.abs(saved / (whole / 2) - 1)).toBeLessThan(0.1);
    // At work: a block, the next one on its way, gradients of one, and what is computed.
    const atWork = Number(half.peak_tensor_bytes) - Number(half.tensor_bytes);
    expect(atWork).toBeLessThan(4 * sum("layers.0."));
  },
);
