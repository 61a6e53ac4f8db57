import { expect, test } from "vitest";
import { type LaunchOptions, launch } from "./launch.js";

/** Runs a line of JavaScript in every process; `rank` is its number. */
async function run(code: string, options: Partial<LaunchOptions> = {}) {
  const notes: string[] = [];
  const program = `const rank = Number(process.env.RANK), attempt = Number(process.env.REDIFF_RESTART_COUNT); ${code}`;
  const result = await launch({
    ...{ command: [process.execPath, "-e", program], processes: 3, restarts: 0, graceMs: 5000 },
    onNote: (line) => void notes.push(line),
    ...options,
  });
  return { ...result, notes };
}

test("every process has the variables of torchrun, at a port of its own launch", async () => {
  const code = `
    const { WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT } = process.env;
    const right = WORLD_SIZE === "6" && Number(LOCAL_RANK) === rank - 3 && LOCAL_WORLD_SIZE === "3" &&
      MASTER_ADDR === "127.0.0.1" && Number(MASTER_PORT) > 0;
    process.exit(right ? 0 : 9);`;
  expect(await run(code, { nodes: 2, node: 1 })).toEqual({ status: 0, restarts: 0, notes: [] });
});

test("one that fails ends the others, and is named with what it said", async () => {
  const code = `if (rank === 1) { console.error("no picture"); process.exit(5); } setTimeout(() => {}, 60_000);`;
  expect(await run(code)).toEqual({
    ...{ status: 5, restarts: 0 },
    notes: ["rank 1 ended with status 5; ending the others", "[rank 1] no picture"],
  });
});

test("one that is killed is told as that, and all begin anew as often as they may", async () => {
  const code = `
    if (attempt < 2 && rank === 2) process.kill(process.pid, "SIGKILL");
    setTimeout(() => {}, attempt < 2 ? 60_000 : 0);`;
  const { status, restarts, notes } = await run(code, { restarts: 3 });
  expect([status, restarts]).toEqual([0, 2]);
  expect(notes).toEqual([
    "rank 2 was killed by SIGKILL; ending the others",
    "starting all anew, restart 1 of 3",
    "rank 2 was killed by SIGKILL; ending the others",
    "starting all anew, restart 2 of 3",
  ]);
  expect(
    await run(`if (rank === 2) process.kill(process.pid, "SIGKILL"); setTimeout(() => {}, 60_000);`),
  ).toMatchObject({
    status: 137,
  });
});

test("one that does not listen is killed when its time is out", async () => {
  const code = `process.on("SIGTERM", () => {}); if (rank === 0) process.exit(3); setTimeout(() => {}, 60_000);`;
  const start = performance.now();
  expect(await run(code, { graceMs: 300, processes: 2 })).toMatchObject({ status: 3 });
  expect(performance.now() - start).toBeLessThan(30_000);
});

test("a signal reaches all, and is no failure to start anew from", async () => {
  const code = `process.on("SIGTERM", () => process.exit(143)); setTimeout(() => {}, 60_000);`;
  const { status, notes } = await run(code, {
    restarts: 2,
    onSignal: (send) => setTimeout(() => send("SIGTERM"), 1500),
  });
  expect([status, notes]).toEqual([143, []]);
});

test("a program that is not there is told", async () => {
  const { status, notes } = await run("", { command: ["/nowhere/program"], processes: 2 });
  expect(status).toBe(127);
  expect(notes.join("\n")).toMatch(/rank \d ended with status 127; ending the others\n\[rank \d\] .*ENOENT/);
});
