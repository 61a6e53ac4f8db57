import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { folderOfFile } from "../testing/folders.js";
import { WorkerPool, type WorkerPoolOptions } from "./worker-pool.js";
import { compiledWorkerUrl } from "./worker-url.js";

const module = (file: string) => compiledWorkerUrl(file, import.meta.url);
const isBuilt = existsSync(fileURLToPath(module("./answer-jobs.js")));
const hasDeathSignal = spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0;
const { at } = folderOfFile();

/** What a test's servant can do. */
type Job =
  | { do: "pid" | "fail" | "hang" | "abort" | "spin" | "speak" }
  | { do: "die"; signal: string }
  | { do: "die once"; mark: string }
  | { do: "allocate"; bytes: number }
  | { do: "wait"; ms: number }
  | { do: "start" };

const SERVANT = `
import { spawn, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { answerJobs } from ${JSON.stringify(module("./answer-jobs.js").href)};
import { underLimits } from ${JSON.stringify(module("./limited-process.js").href)};
const dead = () => new Promise(() => setInterval(() => undefined, 1000));
const kept = [];
answerJobs(async (job, signal) => {
  switch (job.do) {
    case "fail": throw new Error("so it is");
    case "hang": return dead();
    case "spin": for (;;);
    case "abort": return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    case "die": process.kill(process.pid, job.signal); return dead();
    case "die once":
      if (!existsSync(job.mark)) { writeFileSync(job.mark, ""); process.kill(process.pid, "SIGKILL"); return dead(); }
      return "alive";
    case "allocate": kept.push(Buffer.alloc(job.bytes, 1)); return kept.length;
    case "wait": return new Promise((resolve) => setTimeout(resolve, job.ms));
    case "speak": process.stderr.write("a last word\\n", () => process.abort()); return dead();
    case "start": {
      const { command, args } = underLimits("sleep", ["20"], { memory: 1e9 });
      return spawn(command, args, { stdio: "ignore" }).pid;
    }
    default: return process.pid;
  }
}, () => []);`;

const GENEROUS = { memory: 4e9, keptMemory: 4e9, idleMs: 60_000 };

describe.skipIf(!isBuilt || process.platform === "win32")(
  `servants that are processes${isBuilt ? "" : " (SKIPPED: not built)"}`,
  () => {
    beforeAll(() => writeFileSync(at("servant.mjs"), SERVANT));

    function pool(options: Partial<WorkerPoolOptions<Job>> = {}): WorkerPool<Job, unknown> {
      return new WorkerPool<Job, unknown>({
        url: pathToFileURL(at("servant.mjs")),
        workers: 1,
        processes: GENEROUS,
        name: "helper",
        describe: (job) => job.do,
        onDeath: "replace",
        ...options,
      });
    }

    test("jobs run in another process, one after the other, and their errors come back", async () => {
      await using helpers = pool();
      const [one, failed, two] = await Promise.allSettled([
        helpers.run({ do: "pid" }),
        helpers.run({ do: "fail" }),
        helpers.run({ do: "pid" }),
      ]);
      expect(one).toEqual(two);
      expect(one).toMatchObject({ value: expect.any(Number) });
      expect(one).not.toEqual({ status: "fulfilled", value: process.pid });
      expect(failed).toMatchObject({ reason: { message: "so it is" } });
    });

    test("who has many jobs waits for who has few", async () => {
      await using helpers = pool({ fair: true });
      const order: string[] = [];
      const [many, few] = [new AbortController(), new AbortController()];
      const run = (name: string, { signal }: AbortController) =>
        helpers.run({ do: "wait", ms: 20 }, { signal }).then(() => void order.push(name));
      await Promise.all([...["a1", "a2", "a3"].map((name) => run(name, many)), run("b1", few)]);
      expect(order).toEqual(["a1", "b1", "a2", "a3"]);
    });

    test("a job that dies of itself is not tried again, what was behind it is done by the next process", async () => {
      const deaths: unknown[] = [];
      await using helpers = pool({
        handedOut: 4,
        deathError: (job, death) => {
          deaths.push(death.signal);
          return new Error(`${job.do}: ${death.what}`);
        },
      });
      const jobs = [{ do: "pid" }, { do: "die", signal: "SIGSEGV" }, { do: "pid" }, { do: "pid" }] as const;
      const settled = await Promise.allSettled(jobs.map((job) => helpers.run(job)));
      expect(settled[1]).toMatchObject({ reason: { message: "die: died of SIGSEGV" } });
      expect(settled[2]).toMatchObject({ status: "fulfilled" });
      expect(settled[3]).toEqual(settled[2]);
      expect(settled[2]).not.toEqual(settled[0]);
      expect(deaths).toEqual(["SIGSEGV"]);
    });

    test("one that somebody killed is tried once more, and no third time", async () => {
      await using helpers = pool();
      expect(await helpers.run({ do: "die once", mark: at("mark") })).toBe("alive");
      await expect(helpers.run({ do: "die", signal: "SIGKILL" })).rejects.toThrow(
        "a helper process died of SIGKILL while it prepared die",
      );
      expect(await helpers.run({ do: "pid" })).toEqual(expect.any(Number));
    });

    test("what a process says before it dies is kept with its death", async () => {
      await using helpers = pool({ deathError: (_, { signal, said }) => new Error(`${signal}: ${said}`) });
      await expect(helpers.run({ do: "speak" })).rejects.toThrow(/^SIGABRT: a last word/);
    });

    test("a job that takes too long ends with its process and alone, however busy that is", async () => {
      await using helpers = pool({
        patience: {
          abandonedMs: 50,
          longestMs: (job) => (job.do === "spin" ? 150 : 60_000),
          error: ({ do: what }) => new Error(`${what} took too long`),
        },
      });
      const first = await helpers.run({ do: "pid" });
      const [spun, after] = await Promise.allSettled([helpers.run({ do: "spin" }), helpers.run({ do: "pid" })]);
      expect(spun).toMatchObject({ reason: { message: "spin took too long" } });
      expect(after).toMatchObject({ status: "fulfilled" });
      expect(after).not.toMatchObject({ value: first });
    });

    test("waiting for others, and for the process to begin, is not counted", async () => {
      const delay = "await new Promise((resolve) => setTimeout(resolve, 1_200));";
      writeFileSync(at("slow.mjs"), `${delay}\n${SERVANT}`);
      await using helpers = pool({
        url: pathToFileURL(at("slow.mjs")),
        patience: { abandonedMs: 50, longestMs: 900, error: () => new Error("too long") },
      });
      const many = Array.from({ length: 4 }, () => helpers.run({ do: "wait", ms: 300 }));
      expect(await Promise.all(many)).toHaveLength(4);
    });

    test("a job that nobody waits for any more ends soon, with its process where it must", async () => {
      await using helpers = pool({
        patience: { abandonedMs: 100, longestMs: 60_000, error: () => new Error("too long") },
      });
      const first = await helpers.run({ do: "pid" });
      for (const [job, isSame] of [
        [{ do: "abort" }, true],
        [{ do: "spin" }, false],
      ] as const) {
        const leaving = new AbortController();
        const left = helpers.run(job, { signal: leaving.signal });
        await new Promise((resolve) => setTimeout(resolve, 50));
        leaving.abort(new Error("gone"));
        await expect(left).rejects.toThrow("gone");
        expect((await helpers.run({ do: "pid" })) === first).toBe(isSame);
      }
    });

    test.skipIf(process.platform !== "linux")(
      "memory beyond the limit is refused, and what is kept goes with the process",
      async () => {
        await using helpers = pool({ processes: { memory: 500e6, keptMemory: 200e6, idleMs: 60_000 } });
        const first = await helpers.run({ do: "pid" });
        await expect(helpers.run({ do: "allocate", bytes: 600e6 })).rejects.toThrow(/allocation failed/i);
        expect(await helpers.run({ do: "pid" })).toBe(first);
        expect(await helpers.run({ do: "allocate", bytes: 250e6 })).toBe(1);
        expect(await helpers.run({ do: "pid" })).not.toBe(first);
      },
    );

    test("one without work is ended after a while", async () => {
      await using helpers = pool({ processes: { ...GENEROUS, idleMs: 100 } });
      const pid = Number(await helpers.run({ do: "pid" }));
      await gone(pid);
      expect(await helpers.run({ do: "pid" })).not.toBe(pid);
    });

    test("so is a thread that is to be, and the next job has another", async () => {
      await using helpers = new WorkerPool<Job, unknown>({
        ...{ url: pathToFileURL(at("servant.mjs")), workers: 1, name: "helper", onDeath: "replace", idleMs: 100 },
        describe: (job) => job.do,
      });
      // What a thread keeps, it keeps for the next job, as long as it is there.
      for (const kept of [1, 2]) expect(await helpers.run({ do: "allocate", bytes: 10 })).toBe(kept);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(await helpers.run({ do: "allocate", bytes: 10 })).toBe(1);
    });

    test("what a job has started ends with the process", async () => {
      const helpers = pool();
      const pid = Number(await helpers.run({ do: "start" }));
      process.kill(pid, 0);
      await helpers.close();
      await gone(pid);
    });

    test.skipIf(process.platform !== "linux")("processes that are replaced leave no descriptors behind", async () => {
      await using helpers = pool();
      await helpers.run({ do: "pid" });
      const before = readdirSync("/proc/self/fd").length;
      for (let i = 0; i < 20; i++) await helpers.run({ do: "die", signal: "SIGSEGV" }).catch(() => undefined);
      await helpers.run({ do: "pid" });
      expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before + 2);
    });

    test("idle ones do not keep their owner alive, busy ones do, and none outlives it", async () => {
      writeFileSync(
        at("owner.mjs"),
        `import { WorkerPool } from ${JSON.stringify(module("./worker-pool.js").href)};
       const helpers = new WorkerPool({ url: new URL("./servant.mjs", import.meta.url), workers: 2, name: "helper",
         processes: ${JSON.stringify(GENEROUS)}, describe: ({ do: what }) => what, onDeath: "replace" });
       const started = process.argv[2] === undefined ? "" : await helpers.run({ do: "start" });
       console.log(await helpers.run({ do: "pid" }), started);
       if (process.argv[2] === "spin") await helpers.run({ do: "spin" });`,
      );
      const own = async (...args: string[]) => {
        const owner = spawn(process.execPath, [at("owner.mjs"), ...args], { stdio: ["ignore", "pipe", "inherit"] });
        const ended = new Promise((resolve) => owner.once("exit", resolve));
        const pids = await new Promise<string>((resolve) =>
          owner.stdout.once("data", (data: Buffer) => resolve(String(data))),
        );
        return { owner, ended, pids: pids.trim().split(" ").map(Number) };
      };
      const idle = await own();
      await idle.ended;
      expect(idle.owner.exitCode).toBe(0);
      for (const pid of idle.pids) await gone(pid);

      const waiting = await own("idle");
      await waiting.ended;
      for (const pid of waiting.pids) await gone(pid);

      const busy = await own("spin");
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(busy.owner.exitCode).toBeNull();
      busy.owner.kill("SIGKILL");
      await busy.ended;
      for (const pid of busy.pids) {
        // Code that never pauses does not hear of it by itself.
        if (!hasDeathSignal && isThere(pid)) process.kill(pid, "SIGKILL");
        await gone(pid);
      }
    });
  },
);

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Where nobody collects the dead, they stay in the table.
    return process.platform !== "linux" || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  while (isThere(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}
