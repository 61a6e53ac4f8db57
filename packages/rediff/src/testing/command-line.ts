/** The command line for tests: the installed program in a process of its own, or its main function in this one, which
 *  is ten times as fast and lacks only the launcher. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";

export const program = fileURLToPath(new URL("../../bin/rediff.mjs", import.meta.url));

export interface Finished {
  /** null when a signal ended it. */
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface StartOptions {
  cwd?: string;
  /** On top of this process's. */
  env?: Record<string, string>;
  /** For stdin, which is empty otherwise. */
  input?: string | Uint8Array;
}

export interface Started {
  child: ChildProcessByStdio<Writable, Readable, Readable>;
  done: Promise<Finished>;
}

let compiled: Promise<Finished> | undefined;

/** Starts `rediff ARGS`, compiled, so that it has nothing to say of a set-up. */
export async function startRediff(args: readonly string[], options: StartOptions = {}): Promise<Started> {
  compiled ??= startProgram(process.execPath, [program, "help"]).done;
  await compiled;
  return startProgram(process.execPath, [program, ...args], options);
}

export function startProgram(command: string, args: readonly string[], options: StartOptions = {}): Started {
  const { cwd, env, input = "" } = options;
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, OMP_NUM_THREADS: "1", ...env }, // tiny models gain nothing by more, and tests run side by side
    ...(cwd !== undefined && { cwd }),
  });
  const seen = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      seen[name] += text;
    });
  }
  child.stdin.on("error", () => undefined); // it may end without reading
  child.stdin.end(input);
  const done = new Promise<Finished>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, ...seen }));
  });
  return { child, done };
}

/** Runs `rediff ARGS` in a process of its own. */
export const rediff = async (args: readonly string[], options?: StartOptions): Promise<Finished> =>
  (await startRediff(args, options)).done;

/** Runs `rediff ARGS` in this process. No command that reads stdin. */
export async function rediffHere(...args: string[]): Promise<Finished> {
  const { main } = await import("../cli/main.js");
  const seen = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      seen[name] += text;
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await main(["node", "rediff", ...args]);
    return { status: Number(process.exitCode ?? 0), ...seen };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = before;
  }
}

/** The lines of JSON that a command printed. */
export const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
