/** What NVIDIA's driver says of a GPU, with a driver that is made here. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { test } from "./testing/test.js";

const folder = mkdtempSync(join(tmpdir(), "rediff-driver-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One GPU of compute capability 7.5. */
const DRIVER = `
int cuInit(unsigned flags) { return flags; }
int cuDeviceGet(int* device, int index) { *device = 40 + index; return index == 0 ? 0 : 101; }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  *value = attribute == 75 ? 7 : attribute == 76 ? 5 : -1;
  return device == 40 ? 0 : 1;
}`;

/** In a process of its own: a library stays open. */
function capabilities(devices: readonly string[], env: Record<string, string> = {}): unknown {
  const index = new URL("../dist/index.js", import.meta.url).href;
  const code = `const { computeCapability } = await import(${JSON.stringify(index)});
    console.log(JSON.stringify(${JSON.stringify(devices)}.map((device) => computeCapability(device) ?? null)));`;
  const args = ["--input-type=module", "--eval", code];
  const run = spawnSync(process.execPath, args, { env: { ...process.env, ...env }, encoding: "utf8" });
  expect(run.status, run.stderr).toBe(0);
  return JSON.parse(run.stdout);
}

describe.runIf(process.platform === "linux")("a GPU's compute capability", () => {
  beforeAll(() => {
    writeFileSync(join(folder, "driver.c"), DRIVER);
    execFileSync(process.env.CXX ?? "c++", ["-x", "c", "-shared", "-fPIC", "-o", "libcuda.so.1", "driver.c"], {
      cwd: folder,
    });
  });

  test("is what the driver says, of the GPUs that it has", () => {
    expect(capabilities(["cuda", "cuda:0", "cuda:1", "cpu", "mps"], { LD_LIBRARY_PATH: folder })).toEqual([
      { major: 7, minor: 5 },
      { major: 7, minor: 5 },
      null,
      null,
      null,
    ]);
  });
});
