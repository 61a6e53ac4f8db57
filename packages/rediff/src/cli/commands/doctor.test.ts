import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { doctorCommand } from "./doctor.js";

const scratch = folderOfEachTest();
let printed: string;

beforeEach(() => {
  printed = "";
  vi.stubEnv("REDIFF_CACHE", scratch.path);
  vi.stubEnv("LIBTORCH", scratch.path);
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

const doctor = (...args: string[]) => doctorCommand().parseAsync(args, { from: "user" });

test("prints a table, and fails when something required is missing", async () => {
  await doctor();
  expect(printed).toMatch(/^ok {4}Node +\d+\./);
  expect(printed).toMatch(/^FAIL {2}libtorch .*it has no lib\/.*\n +Mend LIBTORCH or unset it\.$/m);
  expect(process.exitCode).toBe(1);
});

test("--json prints a JSON line a check", async () => {
  await doctor("--json");
  const checks = printed
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
