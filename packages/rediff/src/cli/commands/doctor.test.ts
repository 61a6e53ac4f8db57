import { afterEach, beforeEach, expect, vi } from "vitest";
import { UserError } from "../../errors.js";
import { test } from "../../testing/fixtures.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { doctorCommand } from "./doctor.js";

const scratch = folderOfEachTest();

beforeEach(() => {
  vi.stubEnv("REDIFF_CACHE", scratch.path);
  vi.stubEnv("LIBTORCH", scratch.path);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

const doctor = (...args: string[]) => doctorCommand().parseAsync(args, { from: "user" });

test("prints a table, and fails when something required is missing", async ({ output }) => {
  await doctor();
  expect(output.stdout).toMatch(/^ok {4}Node +\d+\./);
  expect(output.stdout).toMatch(/^FAIL {2}libtorch .*it has no lib\/.*\n +Mend LIBTORCH or unset it\.$/m);
  expect(process.exitCode).toBe(1);
});

test("--json prints a JSON line a check", async ({ output }) => {
  await doctor("--json");
  const checks = output.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(checks.find(({ name }) => name === "addon")).toEqual({
    name: "addon",
    ok: false,
    required: true,
    found: expect.any(String),
    remedy: expect.any(String),
  });
});

test("--fix that cannot mend is a user's error", async () => {
  const error = await doctor("--fix").catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).line).toMatch(/^LIBTORCH=.* cannot be used: it has no lib.*unset LIBTORCH/);
});
