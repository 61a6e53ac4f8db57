import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { OptionError, UserError } from "../../errors.js";
import { startProgram } from "../../testing/command-line.js";
import { test as base } from "../../testing/fixtures.js";
import { compiledWorkerUrl } from "../../threads/worker-url.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { until } from "../testing/start.js";
import { startModel } from "./model-start.js";
import type { StartedModel } from "./started-model.js";

const isBuilt = existsSync(fileURLToPath(compiledWorkerUrl("../engine/model-process.js", import.meta.url)));
const photo = fixturePath("color.jpg");
const OWN = { threads: 1, visionWorkers: 1, heartbeatTimeout: 600 } as const;
/** Passes enough that something can happen meanwhile. */
const LONG = { genLength: 200, temperature: 1 } as const;

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return error instanceof UserError ? error.code : "";
}

/** A process that has ended and that nobody has asked about yet does not count. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** One for the file: it is killed on the way, and comes back. */
const test = base.extend("started", { scope: "file" }, async ({ tinyModel }, { onCleanup }): Promise<StartedModel> => {
  const started = await startModel(tinyModel, { ...OWN, batch: 1, lazy: true });
  onCleanup(() => started.close());
  return started;
});

describe.skipIf(!isBuilt || process.platform !== "linux")("a model in a process of its own", () => {
  test("answers as the same model in this process does, and steps are told", async ({ model, started }) => {
    expect(started.pid).toBeUndefined(); // nobody has asked
    const here = await model.describe(photo, { genLength: 8 });
    const there = await started.describe(photo, { genLength: 8 });
    expect(there).toEqual({ ...here, seconds: there.seconds, tokensPerSecond: there.tokensPerSecond });

    const draft = "a cat is on the sofa";
    const refined = await started.refine(photo, draft);
    expect(refined).toEqual({ ...(await model.refine(photo, draft)), seconds: refined.seconds });
    const filled = await started.fill([], "A [[2]] is here.");
    expect(filled).toEqual({ ...(await model.fill([], "A [[2]] is here.")), seconds: filled.seconds });

    const watching = started.watch(photo, { genLength: 8 });
    const seen: number[] = [];
    let turn = await watching.next();
    for (; !turn.done; turn = await watching.next()) seen.push(turn.value.step);
    expect(seen).toEqual(Array.from({ length: here.steps }, (_, i) => i));
    expect(turn.value.text).toBe(here.text);
  });

  test("mistakes have the codes of the library", async ({ tinyModel, folder, started }) => {
    expect(await codeOf(started.describe(`${folder}/none.jpg`))).toBe("file_not_found");
    expect(await codeOf(started.describe(new TextEncoder().encode("no picture")))).toBe("unreadable_picture");
    expect(await codeOf(started.fill([], "no blank"))).toBe("invalid_value");
    expect(await codeOf(started.describe(photo, { genLength: 1e6 }))).toBe("context_length_exceeded");
    await expect(started.describe(photo, { tokens_per_step: 4 } as object)).rejects.toThrow(OptionError);
    expect(await codeOf(startModel(`${folder}/none`))).toBe("model_not_found");
    expect(await codeOf(startModel(folder))).toBe("unusable_model");
    await expect(startModel(tinyModel, { batch: 0 })).rejects.toThrow(/batch must be a whole number from 1, got 0/);
  });

  test("killed in the middle of a question, that one fails with a code, and the next is answered", async ({
    started,
  }) => {
    const { pid = 0 } = started;
    const lost = started.describe(photo, {
      ...LONG,
      onTrace: ({ step }) => step === 0 && void process.kill(pid, "SIGKILL"),
    });
    const error = await lost.catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "model_crashed",
      message: expect.stringMatching(/^the model's process ended \(SIGKILL\) while it worked on this request/),
      hint: expect.stringMatching(/^Ask again/),
    });
    expect((await started.describe(photo, { genLength: 4 })).tokenIds.length).toBeGreaterThan(0);
    expect(started.pid).not.toBe(pid);
  });

  test("who leaves ends the decoding, and the next one has its place", async ({ started }) => {
    for await (const { step } of started.watch(photo, LONG)) if (step === 1) break;
    const leaving = new AbortController();
    const left = started.describe(photo, { ...LONG, signal: leaving.signal, onTrace: () => leaving.abort("enough") });
    await expect(left).rejects.toBe("enough");
    expect((await started.describe(photo, { genLength: 4 })).steps).toBeGreaterThan(0);
  });

  test("no process is left behind an application that is killed", async ({ tinyModel, folder }) => {
    const library = new URL("../../../dist/index.js", import.meta.url).href;
    const file = `${folder}/application.mjs`;
    writeFileSync(
      file,
      `import { startModel } from ${JSON.stringify(library)};
       const model = await startModel(${JSON.stringify(tinyModel)}, { threads: 1, visionWorkers: 1 });
       await model.describe(${JSON.stringify(photo)}, {
         genLength: 200,
         onTrace: ({ step }) => step === 0 && console.log(model.pid),
       });`,
    );
    const { child, done } = startProgram(process.execPath, [file]);
    const pid = await new Promise<number>((resolve, reject) => {
      child.stdout.once("data", (text: string) => resolve(Number(text)));
      done.then(({ stderr }) => reject(new Error(stderr)));
    });
    expect(isAlive(pid)).toBe(true);
    child.kill("SIGKILL");
    await done;
    await until(() => !isAlive(pid));
  });

  test("closed, it is gone, and what was under way says so", async ({ started }) => {
    let pid = 0;
    const lost = started.describe(photo, {
      ...LONG,
      onTrace({ step }) {
        pid = started.pid ?? 0;
        if (step === 0) started.dispose();
      },
    });
    expect(await codeOf(lost)).toBe("model_closed");
    expect(await codeOf(started.describe(photo))).toBe("model_closed");
    await started.close();
    expect(pid).toBeGreaterThan(0);
    await until(() => !isAlive(pid));
  });
});
