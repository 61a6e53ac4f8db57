/** The package without its set-up: importing it does nothing, headers can be read, and whoever needs libtorch is told. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "vitest";
import { builtPackage, runInProcess } from "./testing/built.js";
import { test } from "./testing/test.js";

const fixture = fileURLToPath(new URL("../test/python.safetensors", import.meta.url));

test("without libtorch, headers are read and anything else says what to do", async ({ folder: cache }) => {
  const program = `
    const { openCheckpoint, ones, torchVersion } = await import(${JSON.stringify(builtPackage())});
    const checkpoint = openCheckpoint(${JSON.stringify(fixture)});
    console.log(checkpoint.names().length > 0, JSON.stringify(torchVersion));
    try { ones([1]); } catch (error) { console.log(error.message); }`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
    env: { ...process.env, REDIFF_CACHE: cache },
  });
  const [headers, problem] = stdout.trimEnd().split("\n");
  expect(headers).toBe('true ""');
  expect(problem).toBe(
    "@rediff/torch is not set up: libtorch or its addon is missing. Run `npx rediff-torch-setup` once.",
  );
});

test.each([
  [undefined, "passive"],
  ["active", "active"],
])("threads that wait for each other sleep, unless the environment says otherwise: %s", async (given, expected) => {
  const set = given === undefined ? "delete process.env.OMP_WAIT_POLICY" : `process.env.OMP_WAIT_POLICY = "${given}"`;
  const told = await runInProcess(`${set}; torch.ones([1]).dispose(); console.log(process.env.OMP_WAIT_POLICY);`);
  expect(told.trim()).toBe(expected);
});
