import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withLock } from "./lock.mjs";
import { scratch } from "./scratch.js";

const MODULE = new URL("lock.mjs", import.meta.url).href;

/** A process that holds the lock for so long, writing what it does to `log`. */
function holder(file: string, log: string, name: string, holdMs: number): ChildProcess {
  const script = `
    import { appendFileSync } from "node:fs";
    import { withLock } from ${JSON.stringify(MODULE)};
    const [file, log, name, hold] = process.argv.slice(1);
    await withLock(file, async () => {
      appendFileSync(log, "+" + name + "\\n");
      await new Promise((r) => setTimeout(r, Number(hold)));
      appendFileSync(log, "-" + name + "\\n");
    });`;
  return spawn(process.execPath, ["--input-type=module", "-e", script, file, log, name, String(holdMs)], {
    stdio: "inherit",
  });
}

const ended = (child: ChildProcess) => new Promise((done) => child.on("close", done));
const seen = async (log: string, text: string) => {
  while (!existsSync(log) || !readFileSync(log, "utf8").includes(text)) await new Promise((r) => setTimeout(r, 10));
};

test("several processes do their work one after the other, and nothing stays behind", async () => {
  const folder = scratch();
  const [file, log] = [join(folder, "lock"), join(folder, "log")];
  await Promise.all(["a", "b", "c"].map((name) => ended(holder(file, log, name, 100))));
  expect(readFileSync(log, "utf8")).toMatch(/^(\+(.)\n-\2\n){3}$/);
  expect(existsSync(file)).toBe(false);
});

test("who waits is told for whom, once", async () => {
  const folder = scratch();
  const [file, log] = [join(folder, "lock"), join(folder, "log")];
  const child = holder(file, log, "a", 500);
  await seen(log, "+a");
  const told: string[] = [];
  const answer = await withLock(
    file,
    async () => readFileSync(log, "utf8"),
    (who) => told.push(who),
  );
  expect(told).toEqual([`process ${child.pid} on ${hostname()}`]);
  expect(answer).toBe("+a\n-a\n");
});

test("the lock of a killed process is taken over, by one of many only", async () => {
  const folder = scratch();
  const [file, log] = [join(folder, "lock"), join(folder, "log")];
  const first = holder(file, log, "killed", 60_000);
  await seen(log, "+killed");
  first.kill("SIGKILL");
  await ended(first);
  expect(existsSync(file)).toBe(true);
  await Promise.all(["a", "b", "c", "d"].map((name) => ended(holder(file, log, name, 50))));
  expect(readFileSync(log, "utf8")).toMatch(/^\+killed\n(\+(.)\n-\2\n){4}$/);
});

test("a lock that has not been touched for long is nobody's, whatever its process id", async () => {
  const file = join(scratch(), "lock");
  const long = new Date(Date.now() - 10 * 60_000);
  for (const host of [hostname(), "elsewhere"]) {
    writeFileSync(file, JSON.stringify({ pid: process.pid, host }));
    utimesSync(file, long, long);
    expect(await withLock(file, async () => "done")).toBe("done");
  }
});

test("a fresh lock of another host is respected", async () => {
  const file = join(scratch(), "lock");
  writeFileSync(file, JSON.stringify({ pid: 1, host: "elsewhere" }));
  const waiting = new Promise((told) => {
    void withLock(file, async () => {}, told);
  });
  expect(await waiting).toBe("process 1 on elsewhere");
  expect(readFileSync(file, "utf8")).toContain("elsewhere");
  const long = new Date(0);
  utimesSync(file, long, long); // lets the waiting one end
});

test("work that fails gives the lock back", async () => {
  const file = join(scratch(), "lock");
  await expect(withLock(file, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(existsSync(file)).toBe(false);
});
