/** The kernels for quantised weights on processors that this machine need not be: the same source, compiled for each and run
 *  on an emulator of it (QEMU), gives the same bits. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findCompiler } from "./compiler.mjs";
import { onPath, packageRoot } from "./paths.mjs";

const compiler = await findCompiler().catch(() => undefined);
const armCompiler = onPath("aarch64-linux-gnu-g++");
const arm = onPath("qemu-aarch64-static") ?? onPath("qemu-aarch64");

const folder = mkdtempSync(join(tmpdir(), "rediff-kernels-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function compiled(command: string, ...options: string[]): string {
  const program = join(folder, basename(command));
  const native = join(packageRoot, "native", "quantized");
  const source = join(packageRoot, "test", "kernels", "check.cc");
  execFileSync(command, ["-std=c++20", "-O2", ...options, `-I${native}`, source, "-o", program], { stdio: "pipe" });
  return program;
}

/** What the check found, run by a command: no kernel differs from the plain one. */
function checked(...command: string[]): { kernels: string[]; digest: string } {
  const [program = "", ...rest] = command;
  const { status, stdout } = spawnSync(program, rest, { encoding: "utf8" });
  expect(stdout).not.toContain("differs");
  expect(status).toBe(0);
  const [, kernels = "", digest = ""] = /^kernels: (.*)\ndigest: (\w+)\n$/.exec(stdout) ?? [];
  return { kernels: kernels.split(" "), digest };
}

describe.skipIf(compiler === undefined)("kernels for quantised weights", () => {
  let here: { kernels: string[]; digest: string };

  beforeAll(() => {
    here = checked(compiled(compiler?.command ?? "", ...(compiler?.args ?? [])));
  }, 60_000);

  test("give the bits of the plain one: products of all values, the rotation and the rounding of rows", () => {
    expect(here.kernels.at(-1)).toBe("plain");
  });

  describe.skipIf(armCompiler === undefined || arm === undefined)("on Arm", () => {
    let program: string;
    beforeAll(() => {
      program = compiled(armCompiler ?? "", "-static");
    }, 60_000);

    test("multiply bytes where the processor can, with the bits of this one", () => {
      expect(checked(arm ?? "", "-cpu", "max", program)).toEqual({ kernels: ["neon", "plain"], digest: here.digest });
      expect(checked(arm ?? "", "-cpu", "neoverse-n1", program).kernels).toEqual(["neon", "plain"]);
    });

    test("are the plain one where it cannot", () => {
      expect(checked(arm ?? "", "-cpu", "cortex-a72", program)).toEqual({ kernels: ["plain"], digest: here.digest });
    });
  });
});
