import { existsSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import type { UserError } from "../../errors.js";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { compiledWorkerUrl } from "../../threads/worker-url.js";
import { openRecords } from "../records/record-list.js";
import { answerSpans } from "../samples/answer-positions.js";
import type { TrainingSample } from "../samples/sample.js";
import type { Skip } from "../samples/sample-error.js";
import { record, sampleSettings, writeLines } from "../testing/record-files.js";
import { type LoaderOptions, openLoader } from "./loader.js";

const built = existsSync(fileURLToPath(compiledWorkerUrl("./loader-worker.js", import.meta.url)));
const { at } = folderOfFile();
const tokenizer = await loadTokenizer(tokenizerFolder);

const pictures = ["color.jpg", "rgba.png", "grey.jpg"];
/** Every fourth has no picture; those in `bad` name one that is not there. */
function dataOf(count: number, bad: readonly number[] = []): unknown[] {
  return Array.from({ length: count }, (_, i) => {
    if (bad.includes(i)) return record(`n${i}`, { image: "none.jpg" });
    return i % 4 === 3 ? record(`n${i} text`) : record(`n${i} ${"word ".repeat(i % 5)}`, { image: pictures[i % 3] });
  });
}

let files = 0;
async function loaderFor(data: readonly unknown[], changes: Partial<LoaderOptions> = {}) {
  const records = await openRecords(writeLines(at(`d${files++}.jsonl`), data));
  return openLoader({
    records,
    tokenizerFolder,
    settings: sampleSettings(),
    batching: { order: "modality_length", batchSize: 2, chunks: 2, seed: 7 },
    workers: 0,
    ...changes,
  });
}

const nameOf = (sample: TrainingSample): string => {
  const [answer] = answerSpans(tokenizer, sample);
  return tokenizer.decode(sample.ids.slice(answer!.start, answer!.end)).split(" ")[0] ?? "";
};

async function collect(batches: AsyncIterable<TrainingSample[]>): Promise<TrainingSample[][]> {
  const all: TrainingSample[][] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

const threads = built ? [0, 1, 2] : [0];

describe.each(threads)("a loader with %i threads", (workers) => {
  test("gives every sample once, in the plan's order, the same for any number of threads", async () => {
    await using loader = await loaderFor(dataOf(13), { workers });
    await using here = await loaderFor(dataOf(13));
    const plan = loader.epochBatches(0);
    const batches = await collect(loader.batches({ epoch: 0 }));
    expect(batches.flat().map(nameOf)).toEqual([...plan.order].map((i) => `n${i}`));
    expect(batches.map((batch) => batch.length)).toEqual([...new Array(6).fill(2), 1]);
    const expected = (await collect(here.batches({ epoch: 0 }))).flat();
    for (const [i, sample] of batches.flat().entries()) {
      expect({ ...sample, source: sample.source.index }).toEqual({
        ...expected[i],
        source: expected[i]!.source.index,
      });
    }
    expect(batches.flat().filter(({ visuals }) => visuals[0]?.pixels.some((level) => level > 0))).toHaveLength(10);
    expect((await collect(loader.batches({ epoch: 1 }))).flat().map(nameOf)).not.toEqual(batches.flat().map(nameOf));
  });

  test("starts anywhere: the middle's batches are the tail of the whole", async () => {
    const data = dataOf(15, [2, 9]);
    const options = { workers, skipLimit: 5 };
    await using whole = await loaderFor(data, options);
    await using resumed = await loaderFor(data, options);
    const all = (await collect(whole.batches({ epoch: 2 }))).map((batch) => batch.map(nameOf));
    const tail = (await collect(resumed.batches({ epoch: 2, fromBatch: 3 }))).map((batch) => batch.map(nameOf));
    expect(tail).toEqual(all.slice(3));
    expect(await collect(resumed.batches({ epoch: 2, fromBatch: 99 }))).toEqual([]);
  });

  test("replaces a bad sample by the next usable one of the order, and counts each once", async () => {
    const bad = [1, 2, 5];
    const skips: Skip[] = [];
    const options = { workers, skipLimit: 3, onSkip: (skip: Skip) => skips.push(skip) };
    const batching = { order: "sequential", batchSize: 2, seed: 0 } as const;
    await using loader = await loaderFor(dataOf(8, bad), { ...options, batching });
    const names = (await collect(loader.batches({ epoch: 0 }))).map((batch) => batch.map(nameOf));
    expect(names).toEqual([
      ["n0", "n3"],
      ["n3", "n3"],
      ["n4", "n6"],
      ["n6", "n7"],
    ]);
    expect(skips.map(({ source, kind }) => [source.line, kind])).toEqual(bad.map((i) => [i + 1, "missing"]));
    await collect(loader.batches({ epoch: 1 }));
    expect(skips).toHaveLength(3);
    expect(loader.skips.summary()).toBe("3 skipped: pictures or videos that are missing 3");
  });

  test("ends with one message when too many are bad", async () => {
    const batching = { order: "sequential", batchSize: 1, seed: 0 } as const;
    await using loader = await loaderFor(dataOf(10, [3, 4, 6]), { workers, skipLimit: 0.2, batching });
    let delivered = 0;
    const run = async () => {
      for await (const _ of loader.batches({ epoch: 0 })) delivered++;
    };
    const error = (await run().catch((reason: unknown) => reason)) as UserError;
    expect(error.line).toMatch(
      /^3 samples cannot be used, more than skip_limit \(0\.2, 2 of 10\)\. The first: .*d\d+\.jsonl:4: picture none\.jpg is missing; tried .*rediff data check/,
    );
    expect(delivered).toBe(6);
  });

  test("pairs that cannot be used are counted, but not against the limit", async () => {
    const data = dataOf(6);
    data[1] = record("a dog", { revise: [{ org: "woman", target: "man" }] });
    await using loader = await loaderFor(data, { workers, skipLimit: 0 });
    expect((await collect(loader.batches({ epoch: 0 }))).flat()).toHaveLength(6);
    expect([...loader.skips.byKind]).toEqual([["revise", 1]]);
  });

  test("ends when nothing at all is usable", async () => {
    await using loader = await loaderFor(dataOf(4, [0, 1, 2, 3]), { workers, skipLimit: 100 });
    await expect(collect(loader.batches({ epoch: 0 }))).rejects.toThrow(/none of the 4 records can be used; for one, /);
  });

  test("tells once how records were understood, with the first of them", async () => {
    const { conversations } = record("x");
    const data = [record("a"), ...Array.from({ length: 3 }, () => ({ images: ["color.jpg"], conversations }))];
    const notes: string[] = [];
    const batching = { order: "sequential", batchSize: 2, seed: 0 } as const;
    await using loader = await loaderFor(data, { workers, batching, onNote: (note) => notes.push(note) });
    await collect(loader.batches({ epoch: 0 }));
    expect(notes).toEqual([
      expect.stringMatching(/which are read: images, first in .*:2$/),
      expect.stringMatching(/put before the first question: 1 picture, first in .*:2$/),
    ]);
  });

  test("broken lines are skipped with their line", async () => {
    const data = dataOf(30);
    data[4] = "{ broken";
    const skips: Skip[] = [];
    await using loader = await loaderFor(data, { workers, skipLimit: 1, onSkip: (skip) => skips.push(skip) });
    await collect(loader.batches({ epoch: 0 }));
    expect(skips).toMatchObject([{ kind: "json", source: { line: 5 } }]);
  });

  test("stops in the middle, by its signal or by its consumer, and goes on afterwards", async () => {
    await using loader = await loaderFor(dataOf(12), { workers });
    const controller = new AbortController();
    let seen = 0;
    const run = async () => {
      for await (const _ of loader.batches({ epoch: 0, signal: controller.signal })) {
        if (++seen === 2) controller.abort(new Error("enough"));
      }
    };
    await expect(run()).rejects.toThrow("enough");
    expect(seen).toBe(2);
    for await (const batch of loader.batches({ epoch: 0 })) {
      expect(batch).toHaveLength(2);
      break;
    }
    expect((await collect(loader.batches({ epoch: 0 }))).flat()).toHaveLength(12);
  });
});

describe.skipIf(!built)(`threads${built ? "" : " (SKIPPED: run npx tsc -b first)"}`, () => {
  const workerOf = (code: string): URL => {
    writeFileSync(at("worker.mjs"), `import { parentPort } from "node:worker_threads";\n${code}`);
    return pathToFileURL(at("worker.mjs"));
  };

  test.each([
    [
      "ends",
      'parentPort.on("message", () => process.exit(3));',
      /a loader thread ended with status 3 while it prepared .*jsonl:\d+/,
    ],
    ["throws", 'parentPort.on("message", () => { throw new Error("boom"); });', /a loader thread died of boom while/],
    ["cannot start", 'throw new Error("no start");', /a loader thread died of no start/],
  ])("that %s is an error, not a wait for ever", async (_, code, message) => {
    await using loader = await loaderFor(dataOf(8), { workers: 2, workerUrl: workerOf(code) });
    await expect(collect(loader.batches({ epoch: 0 }))).rejects.toThrow(message);
    await expect(collect(loader.batches({ epoch: 0 }))).rejects.toThrow(message);
  });

  test("that have no tokenizer tell what is wrong with it", async () => {
    await using loader = await loaderFor(dataOf(8), { workers: 1, tokenizerFolder: at("none") });
    await expect(collect(loader.batches({ epoch: 0 }))).rejects.toThrow(/tokenizer.*\.json: no such file/);
  });

  test("are no more ahead than prefetch says", async () => {
    // Counts what it is asked for, and answers with a skip of no consequence.
    const url = workerOf(`
      let asked = 0;
      parentPort.on("message", ({ type, id, job }) => {
        if (type === "run") parentPort.postMessage({ id, ok: true, result: { type: "sample", ok: true, sample: { asked: ++asked, index: job.place.index } } });
      });`);
    const batching = { order: "sequential", batchSize: 2, seed: 0 } as const;
    await using loader = await loaderFor(dataOf(40), { workers: 1, prefetch: 3, workerUrl: url, batching });
    let batches = 0;
    for await (const batch of loader.batches({ epoch: 0 })) {
      batches++;
      const { asked } = batch[1] as unknown as { asked: number };
      expect(asked).toBe(2 * batches);
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (batches === 5) break;
    }
    // Five in use or used, three ahead.
    const [next] = await collect(loader.batches({ epoch: 0, fromBatch: 19 }));
    expect((next![1] as unknown as { asked: number }).asked).toBeLessThanOrEqual(2 * (5 + 3) + 2);
  });

  test("go on with the next micro-batch while this thread is busy", async () => {
    const url = workerOf(`
      parentPort.on("message", ({ type, id }) => {
        if (type === "run") parentPort.postMessage({ id, ok: true, result: { type: "sample", ok: true, sample: { at: Date.now() } } });
      });`);
    const batching = { order: "sequential", batchSize: 4, seed: 0 } as const;
    await using loader = await loaderFor(dataOf(8), { workers: 1, prefetch: 1, workerUrl: url, batching });
    let busyUntil = 0;
    for await (const batch of loader.batches({ epoch: 0 })) {
      const answers = batch as unknown as { at: number }[];
      if (busyUntil > 0) expect(Math.max(...answers.map(({ at }) => at))).toBeLessThan(busyUntil);
      busyUntil = Date.now() + 300;
      while (Date.now() < busyUntil);
    }
    expect(busyUntil).toBeGreaterThan(0);
  });

  test("reject what is under way when they are closed", async () => {
    const loader = await loaderFor(dataOf(8), {
      workers: 1,
      workerUrl: workerOf('parentPort.on("message", () => {});'),
    });
    const waiting = collect(loader.batches({ epoch: 0 }));
    setTimeout(() => loader.close(), 20);
    await expect(waiting).rejects.toThrow(/closed/);
  });
});

test("wrong numbers are refused", async () => {
  await expect(loaderFor(dataOf(4), { workers: -1 })).rejects.toThrow(/-1 loader threads/);
  await expect(loaderFor(dataOf(4), { prefetch: 0.5 })).rejects.toThrow(/prefetch is 0\.5/);
  await expect(loaderFor(dataOf(4), { skipLimit: -3 })).rejects.toThrow(/skip_limit is -3/);
  await expect(loaderFor(dataOf(4), { skipLimit: 1.5 })).rejects.toThrow(/skip_limit is 1\.5/);
});
