/** A training run on a disk that fails, or killed, in every phase: the same command goes on, and every step has the loss
 *  that it would have had. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setThreads } from "@rediff/torch";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { UserError } from "../../errors.js";
import { type DiskFault, faultyDisk } from "../../testing/disk-faults.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { parseRecipe } from "../../training/recipe/recipe-file.js";
import { train } from "../../training/run/trainer.js";
import { trainReport } from "../terminal/train-report.js";

const { at } = folderOfFile();
const output = at("run");
const STEPS = 4;

function recipe() {
  const keys = { model: at("model"), output, data: at("d.jsonl"), dtype: "float32", device: "cpu", workers: 0 };
  const run = {
    batch_size: 2,
    max_steps: STEPS,
    learning_rate: 1e-3,
    mm_tunable_parts: "mm_mlp_adapter,mm_language_model",
  };
  return parseRecipe(JSON.stringify({ ...keys, ...run, save: { every: 1, keep: 1 } }), "r.yaml");
}

/** As the command does it, but in this process. */
async function run(): Promise<unknown> {
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const report = trainReport(recipe(), { json: false });
  try {
    await train(recipe(), report);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    report.close();
    stderr.mockRestore();
  }
}

async function runOn(fault?: DiskFault) {
  rmSync(output, { recursive: true, force: true });
  using disk = faultyDisk(output, fault);
  const error = await run();
  return { error, calls: disk.calls };
}

const lines = () =>
  readFileSync(join(output, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: number; loss: number });
const losses = () => lines().map(({ step, loss }) => [step, loss]);

let reference: unknown;
/** Calls of each kind, the first and the last: steps and processes have other numbers. */
let points: number[];
let calls: readonly string[];

beforeAll(async () => {
  setThreads(1);
  writeTinyModel(at("model"), { layers: 1 });
  const turn = (i: number) => [
    { from: "human", value: `Number ${i}?` },
    { from: "gpt", value: `It is ${"very ".repeat(i)}small.` },
  ];
  const records = Array.from({ length: 8 }, (_, i) => JSON.stringify({ id: i, conversations: turn(i) }));
  writeFileSync(at("d.jsonl"), `${records.join("\n")}\n`);
  ({ calls } = await runOn());
  reference = losses();
  const kinds = new Map(calls.map((call, i) => [call.replace(/\d+/g, "N"), i]));
  const firsts = [...kinds.keys()].map((kind) => calls.findIndex((call) => call.replace(/\d+/g, "N") === kind));
  points = [...new Set([...firsts, ...kinds.values()])].sort((a, b) => a - b);
});

/** A share of the points, another one for each test; `npm run attack:train` goes through all. */
const share = (of: number, from: number) => points.filter((_, i) => i % of === from);

describe("a training run", () => {
  test("writes in every phase that there is", () => {
    for (const phase of [
      /^open \.lock/,
      /^open metrics\.jsonl/,
      /^open tensorboard/,
      /^write metrics\.jsonl/,
      /^write \.checkpoint-1.*model\.safetensors/,
      /^write \.checkpoint-1.*optimizer\.safetensors/,
      /^writeFile \.checkpoint-1.*training\.json/,
      /^sync \.checkpoint-1/,
      /^rename checkpoint-1/,
      /^rm \.checkpoint-1\.removing/,
      /^rename config\.json/,
    ])
      expect(
        calls.some((call) => phase.test(call)),
        String(phase),
      ).toBe(true);
  });

  test("that is killed at any moment goes on with the same losses", async () => {
    for (const i of share(6, 1)) {
      await runOn({ at: i, how: "dies", half: true });
      rmSync(join(output, ".lock"), { force: true }); // its process is this one, which lives
      expect(await run(), calls[i]).toBeUndefined();
      expect(losses(), calls[i]).toEqual(reference);
    }
  });

  test.each([
    ["ENOSPC", 0],
    ["EDQUOT", 2],
    ["EROFS", 4],
  ] as const)(
    "on a disk that says %s ends in one line about it, and goes on with the same losses",
    async (how, from) => {
      for (const i of share(6, from)) {
        const { error } = await runOn({ at: i, how, half: true });
        if (error !== undefined) {
          expect(error, calls[i]).toBeInstanceOf(UserError);
          expect((error as UserError).line, calls[i]).toMatch(/ cannot be (written|removed): [a-z -]+\. [A-Z]/);
        }
        rmSync(join(output, ".lock"), { force: true });
        expect(await run(), calls[i]).toBeUndefined();
        expect(losses(), calls[i]).toEqual(reference);
      }
    },
  );
});
