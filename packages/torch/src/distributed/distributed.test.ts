/** Ranks in one process, each with connections of its own, wherever that tells as much as processes would; real processes
 *  where one is killed. */
import { execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect } from "vitest";
import { type DType, full, tensor, zeros } from "../index.js";
import { builtPackage } from "../testing/built.js";
import { test } from "../testing/test.js";
import { reasonOf } from "./distributed-error.js";
import { connectStore, DistributedError, isTimeout, openGroup, type ProcessGroup, type TcpStore } from "./index.js";

/** Runs `body` on each of `size` ranks at the same time. */
async function onRanks<T>(
  size: number,
  body: (group: ProcessGroup, store: TcpStore) => Promise<T>,
  timeoutMs = 20_000,
): Promise<T[]> {
  const server = await connectStore({ host: "127.0.0.1", port: 0, isServer: true, timeoutMs });
  const { port } = server;
  try {
    return await Promise.all(
      Array.from({ length: size }, async (_, rank) => {
        await using store = await connectStore({ host: "127.0.0.1", port, isServer: false, timeoutMs });
        await using group = await openGroup({ store, rank, size, timeoutMs });
        return await body(group, store);
      }),
    );
  } finally {
    await server.close();
  }
}

/** A stopped process is not stopped at once: a thread on another core may still answer. */
async function allThreadsStopped(pid: number): Promise<void> {
  if (process.platform !== "linux") return void (await sleep(500));
  const tasks = `/proc/${pid}/task`;
  const isStopped = (task: string): boolean => / T /.test(readFileSync(`${tasks}/${task}/stat`, "utf8"));
  while (!readdirSync(tasks).every(isStopped)) await sleep(5);
}

/** The error of a promise that has to fail. */
const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error("it did not fail")),
    (error: Error) => error,
  );

describe("a store", () => {
  test("hands texts on, waits for those that are not there yet, and counts", async () => {
    await using server = await connectStore({ host: "127.0.0.1", port: 0, isServer: true });
    await using client = await connectStore({ host: "127.0.0.1", port: server.port, isServer: false });
    const later = client.get("greeting");
    await server.set("greeting", "grüße, 世界");
    expect(await later).toBe("grüße, 世界");
    expect(await Promise.all([server.add("n", 2), client.add("n", 3)]).then((sums) => Math.max(...sums))).toBe(5);
    expect([await client.has("greeting"), await client.has("nothing")]).toEqual([true, false]);
    expect(await client.compareSet("owner", "", "me")).toBe("me");
    expect(await server.compareSet("owner", "", "you")).toBe("me");
    expect([await client.delete("greeting"), await server.has("greeting")]).toEqual([true, false]);
  });

  test("keeps the keys of two prefixes apart", async () => {
    await using server = await connectStore({ host: "127.0.0.1", port: 0, isServer: true });
    const at = (prefix: string) => connectStore({ host: "127.0.0.1", port: server.port, isServer: false, prefix });
    await using one = await at("one");
    await using two = await at("two");
    await one.set("key", "1");
    expect([await one.has("key"), await two.has("key")]).toEqual([true, false]);
  });

  test("does not wait longer than it was told, and says for what", async () => {
    await using server = await connectStore({ host: "127.0.0.1", port: 0, isServer: true });
    const error = await errorOf(server.get("never", 50));
    expect(error).toBeInstanceOf(DistributedError);
    expect(error.message).toMatch(new RegExp(`^store 127.0.0.1:${server.port}: get never: `));
    expect(isTimeout(error)).toBe(true);
    const port = server.port;
    await server.close();
    await expect(server.set("key", "value")).rejects.toThrow("the store was closed");
    const nobody = await errorOf(connectStore({ host: "127.0.0.1", port, isServer: false, timeoutMs: 300 }));
    expect(nobody.message).toMatch(new RegExp(`^no store at 127.0.0.1:${port} within 0.3 s: `));
  });

  test("that cannot be reached is told by its error alone: libtorch writes nothing beside it", async () => {
    const connecting = `
      import { distributed } from ${JSON.stringify(builtPackage())};
      const place = { host: "127.0.0.1", port: 1, isServer: false, timeoutMs: 300 };
      await distributed.connectStore(place).catch((error) => console.log(error.message));`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", connecting]);
    expect(stdout).toMatch(/^no store at 127\.0\.0\.1:1 within 0\.3 s: [^\n]*\n$/);
    expect(stderr).toBe("");
  });

  test.skipIf(process.platform === "win32")(
    "whose process stands still does not hold others longer than they say",
    async () => {
      const keeping = `
      import { distributed } from ${JSON.stringify(builtPackage())};
      const store = await distributed.connectStore({ host: "127.0.0.1", port: 0, isServer: true });
      console.log(store.port);
      setTimeout(() => {}, 600_000);`;
      const keeper = spawn(process.execPath, ["--input-type=module", "-e", keeping], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        const port = Number(await new Promise((resolve) => keeper.stdout.once("data", resolve)));
        await using store = await connectStore({ host: "127.0.0.1", port, isServer: false });
        expect(await store.has("anything")).toBe(false);
        keeper.kill("SIGSTOP");
        await allThreadsStopped(keeper.pid ?? 0);
        const error = await errorOf(store.has("anything", 200));
        expect(error.message).toBe(`store 127.0.0.1:${port}: has anything: timed out: no answer within 0.2 s`);
        expect(isTimeout(error)).toBe(true);
        expect(await errorOf(store.set("key", "value"))).toBe(error);
      } finally {
        keeper.kill("SIGKILL");
      }
    },
  );

  test("refuses a port that is taken, and numbers that are none", async () => {
    await using server = await connectStore({ host: "127.0.0.1", port: 0, isServer: true });
    const again = await errorOf(connectStore({ host: "127.0.0.1", port: server.port, isServer: true, timeoutMs: 500 }));
    expect(again.message).toMatch(new RegExp(`^no store can be kept at 127.0.0.1:${server.port}: `));
    await expect(connectStore({ host: "127.0.0.1", port: 0, isServer: false })).rejects.toThrow("port is 0");
    await expect(connectStore({ host: "127.0.0.1", port: 70_000, isServer: true })).rejects.toThrow("port is 70000");
  });
});

describe.each([2, 3, 4])("%i ranks", (size) => {
  const dtypes: DType[] = ["float32", "float64", "bfloat16", "int64"];

  test.for(dtypes)("reduce, gather, scatter and broadcast %s", async (dtype) => {
    const results = await onRanks(size, async (group) => {
      const { rank } = group;
      using mine = full([size, 2], rank + 1, { dtype });
      using largest = full([3], rank, { dtype });
      using gathered = zeros([size, 2], { dtype });
      using row = full([2], 10 * rank, { dtype });
      using scattered = zeros([2], { dtype });
      using told = full([2, 2], rank, { dtype });
      // All under way at the same time.
      const works = [
        group.allGather(gathered, row),
        group.reduceScatter(scattered, mine),
        group.allReduce(largest, "max"),
        group.broadcast(told, size - 1),
        group.barrier(),
      ];
      for (const work of works) await work.wait();
      await group.allReduce(mine).wait();
      return [mine, largest, gathered, scattered, told].map((t) => t.toNumbers());
    });
    const sum = (size * (size + 1)) / 2;
    for (const [reduced, largest, gathered, scattered, told] of results) {
      expect(reduced).toEqual(new Array(2 * size).fill(sum));
      expect(largest).toEqual([size - 1, size - 1, size - 1]);
      expect(gathered).toEqual(Array.from({ length: size }, (_, rank) => [10 * rank, 10 * rank]).flat());
      expect(scattered).toEqual([sum, sum]);
      expect(told).toEqual(new Array(4).fill(size - 1));
    }
  });

  test("have the same sum to the last bit, whatever the length", async () => {
    for (const length of [0, 1, 5, 1023]) {
      const sums = await onRanks(size, async (group) => {
        using x = tensor(
          Array.from({ length }, (_, i) => Math.sin(i + 17 * group.rank)),
          { dtype: "float32" },
        );
        await group.allReduce(x).wait();
        return x.toNumbers();
      });
      for (const sum of sums) expect(sum).toEqual(sums[0]);
    }
  });
});

describe("a group", () => {
  test("of one process needs nobody", async () => {
    const [result] = await onRanks(1, async (group) => {
      using x = tensor([1, 2]);
      await group.allReduce(x).wait();
      await group.barrier().wait();
      return [...x.toNumbers(), group.traffic.sentBytes];
    });
    expect(result).toEqual([1, 2, 0]);
  });

  test("lets JavaScript go on while it waits", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    await onRanks(2, async (group) => {
      if (group.rank === 1) await new Promise((resolve) => setTimeout(resolve, 300));
      await group.barrier().wait();
    });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  test("says who waited for what when a rank does not come, and nothing else afterwards", async () => {
    const errors = await onRanks(
      2,
      async (group) => {
        using x = zeros([2, 3]);
        if (group.rank === 1) return await new Promise<Error[]>((resolve) => setTimeout(() => resolve([]), 900));
        const first = await errorOf(group.allReduce(x).wait());
        const second = await errorOf(Promise.resolve().then(() => group.barrier().wait()));
        return [first, second];
      },
      500,
    );
    const [first, second] = errors[0] ?? [];
    expect(first).toBeInstanceOf(DistributedError);
    expect(first).toMatchObject({ rank: 0, operation: "allReduce" });
    expect(first?.message).toMatch(/^rank 0 of 2: allReduce of float32 \[2, 3\] \(collective 1\): .*[Tt]imed out/);
    expect(first?.message).not.toContain("\n");
    expect(second).toBe(first);
  });

  test("does not begin before all have come", async () => {
    await using store = await connectStore({ host: "127.0.0.1", port: 0, isServer: true });
    const error = await errorOf(openGroup({ store, rank: 0, size: 2, timeoutMs: 300 }));
    expect(error.message).toMatch(/^rank 0 of 2: not all ranks met at 127\.0\.0\.1:\d+ within 0\.3 s: /);
    await expect(openGroup({ store, rank: 2, size: 2 })).rejects.toThrow("rank 2 of 2: expected from 0 to 1");
  });

  test("refuses what does not fit before anything is sent, and works on", async () => {
    await onRanks(2, async (group) => {
      using a = zeros([4]);
      using b = zeros([3]);
      using halves = zeros([2], { dtype: "float64" });
      using upright = zeros([2, 3]);
      using across = upright.t();
      expect(() => group.allGather(a, b)).toThrow(
        `rank ${group.rank} of 2: allGather: the output is float32 [4], and has to be of the input's dtype and 2 times as large: that is float32 [3]`,
      );
      expect(() => group.reduceScatter(halves, a)).toThrow(/reduceScatter: the input is float32 \[4\]/);
      expect(() => group.broadcast(a, 2)).toThrow("broadcast from rank 2: expected from 0 to 1");
      expect(() => group.allReduce(across)).toThrow(/do not lie one after the other/);
      await group.allReduce(a).wait();
    });
  });

  test("ends all that waits when it is aborted", async () => {
    await onRanks(
      2,
      async (group) => {
        using x = zeros([1]);
        if (group.rank === 1) return;
        const waiting = errorOf(group.allReduce(x).wait());
        group.abort("somebody pressed Ctrl-C");
        expect((await waiting).message).toBe("rank 0 of 2: somebody pressed Ctrl-C");
        expect(() => group.barrier()).toThrow("somebody pressed Ctrl-C");
      },
      1000,
    );
  });

  test.skipIf(process.platform !== "linux")("leaves no thread, nor does one that did not come about", async () => {
    const threads = () => readdirSync("/proc/self/task").length;
    await onRanks(2, (group) => group.barrier().wait()); // what Node and libtorch begin at the first use
    const before = threads();
    for (let i = 0; i < 4; i++) {
      await onRanks(2, (group) => group.barrier().wait());
      await using store = await connectStore({ host: "127.0.0.1", port: 0, isServer: true });
      await errorOf(openGroup({ store, rank: 0, size: 2, timeoutMs: 50 }));
    }
    // A thread ends shortly after the promise that it settled.
    for (let i = 0; i < 100 && threads() > before; i++) await sleep(20);
    expect(threads()).toBeLessThanOrEqual(before);
  });

  test("names what NCCL lacks where its library is not built", async () => {
    await using store = await connectStore({ host: "127.0.0.1", port: 0, isServer: true });
    const open = (ncclLibrary: string) => openGroup({ store, rank: 0, size: 1, backend: "nccl", ncclLibrary });
    await expect(open("")).rejects.toThrow("the backend nccl needs a library of its own");
    await expect(open("/nowhere/rediff_nccl.so")).rejects.toThrow(/rank 0 of 1: .*\/nowhere\/rediff_nccl\.so/);
  });
});

/** A program for several processes: `torch`, `rank`, `size`, `group` and `store` are there. */
function processes(size: number, code: string, timeoutMs = 20_000) {
  const program = `
    import * as torch from ${JSON.stringify(builtPackage())};
    const { distributed: d, ones, zeros } = torch;
    const [rank, size, port] = process.argv.slice(-3).map(Number);
    const timeoutMs = ${timeoutMs};
    const store = await d.connectStore({ host: "127.0.0.1", port, isServer: false, timeoutMs });
    const group = await d.openGroup({ store, rank, size, timeoutMs });
    ${code}`;
  return (rank: number, port: number) =>
    [process.execPath, ["--input-type=module", "-e", program, "--", String(rank), String(size), String(port)]] as const;
}

test("what c10d says is cut to what helps", () => {
  const said = (text: string) => reasonOf(new Error(`collective: ${text}`));
  expect(said("Connection closed by peer [127.0.0.1]:4711. GLHF! 🏖️")).toBe(
    "Connection closed by peer [127.0.0.1]:4711",
  );
  expect(said("[/x/pair.cc:12] Timed out waiting 50ms. This may indicate a crash of rank 1.\nframe #0")).toBe(
    "Timed out waiting 50ms",
  );
});

describe("processes", () => {
  test("add up, count what they send, and end by themselves", async () => {
    await using server = await connectStore({ host: "127.0.0.1", port: 0, isServer: true });
    const size = 4;
    const command = processes(
      size,
      `
      const { readFileSync } = await import("node:fs");
      const written = () => Number(/^wchar: (\\d+)/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
      const out = { rank };
      const x = ones([1_000_000]).mul(rank + 1);
      const part = zeros([250_000]);
      const steps = { reduce: () => group.allReduce(x), scatter: () => group.reduceScatter(part, x),
        gather: () => group.allGather(x, part), tell: () => group.broadcast(x, 1) };
      for (const [name, start] of Object.entries(steps)) {
        const [before, counted] = [written(), group.traffic.sentBytes];
        await start().wait();
        await group.barrier().wait();
        out[name] = [group.traffic.sentBytes - counted, written() - before];
      }
      out.sum = x.mean().item();
      console.log(JSON.stringify(out));
      await group.close();
      await store.close();`,
    );
    const outputs = await Promise.all(
      Array.from({ length: size }, async (_, rank) => {
        const [file, args] = command(rank, server.port);
        return JSON.parse((await promisify(execFile)(file, args, { timeout: 110_000 })).stdout) as Record<
          string,
          unknown
        >;
      }),
    );
    expect(outputs.map(({ sum }) => sum)).toEqual([40, 40, 40, 40]);
    const bytes = 4_000_000;
    const expected = { reduce: 1.5 * bytes, scatter: 0.75 * bytes, gather: 0.75 * bytes };
    for (const out of outputs)
      for (const [name, theory] of Object.entries(expected)) expect((out[name] as number[])[0]).toBe(theory);
    // What is counted is what the system saw written, where it tells.
    if (process.platform !== "linux") return;
    for (const name of ["reduce", "scatter", "gather", "tell"]) {
      const total = (i: number) => outputs.reduce((sum, out) => sum + ((out[name] as number[])[i] ?? 0), 0);
      expect(Math.abs(total(1) / total(0) - 1), name).toBeLessThan(0.01);
    }
  });

  test("hear of one that is killed, long before the time is out", async () => {
    await using server = await connectStore({ host: "127.0.0.1", port: 0, isServer: true });
    const command = processes(
      2,
      `
      const x = ones([1000]);
      await group.allReduce(x).wait();
      if (rank === 1) process.kill(process.pid, "SIGKILL");
      try { await group.allReduce(x).wait(); console.log("no error"); }
      catch (error) { console.log(error.message); process.exit(3); }`,
      600_000, // longer than the test may take
    );
    const ends = await Promise.all(
      [0, 1].map((rank) => {
        const [file, args] = command(rank, server.port);
        const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
        let output = "";
        child.stdout.on("data", (chunk) => {
          output += chunk;
        });
        return new Promise<{ status: number | null; signal: string | null; output: string }>((resolve) =>
          child.on("close", (status, signal) => resolve({ status, signal, output })),
        );
      }),
    );
    expect(ends[1]?.signal).toBe("SIGKILL");
    expect(ends[0]?.output).toMatch(/^rank 0 of 2: allReduce of float32 \[1000\] \(collective 2\): /);
    expect(ends[0]?.status).toBe(3);
  });
});
