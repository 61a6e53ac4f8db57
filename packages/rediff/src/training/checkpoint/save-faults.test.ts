/** A save that stops between any two of its calls, and a disk that fails in any of them. */
import { readdirSync, rmSync } from "node:fs";
import { tensor } from "@rediff/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { UserError } from "../../errors.js";
import { sweepLeftovers } from "../../files/whole-folder.js";
import type { Model } from "../../models/llava/llava.js";
import { type DiskFault, faultyDisk } from "../../testing/disk-faults.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { parseRecipe } from "../recipe/recipe-file.js";
import { exportModel } from "./trained-model.js";
import {
  findCheckpoint,
  listCheckpoints,
  readState,
  withOptimizerState,
  writeCheckpoint,
} from "./training-checkpoint.js";

const { at } = folderOfFile();
const recipe = parseRecipe("model: m\noutput: o\ndata: d.json", "r.yaml");
let model: Model;
beforeAll(async () => {
  writeTinyModel(at("model"), { layers: 1 });
  model = await loadModelFolder(at("model"));
});
afterAll(() => model[Symbol.dispose]());

const trained = () => ({ model, config: model.config.raw, carryFrom: model.folder });

async function save(output: string, step: number): Promise<void> {
  using moment = tensor([step]);
  const state = { step, epoch: 0, position: 0, totals: {}, recipe };
  await writeCheckpoint(output, { state, trained: trained(), optimizer: new Map([["m", moment]]) }, { keep: 1 });
}

/** An output folder with one checkpoint, in which a second is saved on a disk that fails. */
async function saveOn(fault?: DiskFault) {
  const output = at("run");
  rmSync(output, { recursive: true, force: true });
  await save(output, 1);
  using disk = faultyDisk(output, fault);
  const error = await save(output, 2).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { output, error, calls: disk.calls };
}

/** Of every kind of call in every file the first, and one on the way. @param every takes only some of them */
function telling(calls: readonly string[], every = 1): number[] {
  const all = [...calls.keys()].filter((i) => calls.indexOf(calls[i] ?? "") === i || i === calls.length >> 1);
  return all.filter((_, i) => i % every === 0 || i === all.length - 1);
}

async function expectWhole(output: string): Promise<number> {
  const newest = findCheckpoint(output) ?? "";
  const { step } = readState(newest);
  expect(withOptimizerState(newest, (entries) => entries.get("m")?.toNumbers())).toEqual([step]);
  (await loadModelFolder(newest))[Symbol.dispose]();
  return step;
}

describe("a save", () => {
  test("that is killed between any two of its calls, or in the midst of one, leaves a whole checkpoint, and the next run goes on", async () => {
    const { calls } = await saveOn();
    expect(calls.length).toBeGreaterThan(20);
    const steps = new Set<number>();
    for (const i of telling(calls))
      for (const half of [false, true]) {
        const { output } = await saveOn({ at: i, how: "dies", half });
        steps.add(await expectWhole(output));
        await sweepLeftovers(output);
        expect(
          readdirSync(output).filter((name) => !/^checkpoint-[12]$/.test(name)),
          calls[i],
        ).toEqual([]);
        for (const { step } of listCheckpoints(output)) expect(step).toBeLessThanOrEqual(2);
      }
    expect([...steps].sort()).toEqual([1, 2]); // both sides of the moment at which the new one counts
    const { output } = await saveOn({ at: telling(calls).at(-1) ?? 0, how: "dies", half: true });
    await save(output, 3);
    expect(listCheckpoints(output).map(({ step }) => step)).toEqual([3]);
  });

  test.each(["ENOSPC", "EDQUOT", "EROFS", "EIO"] as const)(
    "on a disk that says %s in any of its calls ends in one line, and what was saved before is whole",
    async (how) => {
      const { calls } = await saveOn();
      for (const i of telling(calls, how === "ENOSPC" ? 1 : 3)) {
        const { output, error } = await saveOn({ at: i, how, half: how === "ENOSPC" });
        const where = `${how} at ${calls[i]}`;
        if (error !== undefined) {
          expect(error, where).toBeInstanceOf(UserError);
          expect((error as UserError).line, where).toMatch(/checkpoint-\d.* cannot be (written|removed): [a-z -]+\./);
          expect((error as UserError).line, where).not.toMatch(/E[A-Z]{3,}/);
        }
        await expectWhole(output);
      }
    },
  );
});

describe("the export of the trained model", () => {
  test.each(["dies", "ENOSPC", "EIO"] as const)(
    "when the disk %s at any call never passes for a model that is not whole, and can be done again",
    async (how) => {
      const output = at("export");
      const counted = async (fault?: DiskFault) => {
        rmSync(output, { recursive: true, force: true });
        await exportModel(output, trained()); // an older model is in the way
        using disk = faultyDisk(output, fault);
        const error = await exportModel(output, trained()).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        return { calls: disk.calls, error };
      };
      const { calls } = await counted();
      for (const i of telling(calls, how === "dies" ? 1 : 2)) {
        const { error } = await counted({ at: i, how, half: true });
        if (how !== "dies" && error !== undefined)
          expect((error as UserError).line, calls[i]).toMatch(/cannot be written: [a-z -]+\./);
        if (readdirSync(output).includes("config.json")) (await loadModelFolder(output))[Symbol.dispose]();
        await exportModel(output, trained());
        expect(readdirSync(output).filter((name) => name.startsWith("."))).toEqual([]);
      }
    },
  );
});
