import { expect, test, vi } from "vitest";
import { diagnose, formatChecks } from "./doctor.mjs";
import { scratch } from "./scratch.js";

test("on a machine with nothing, what is required and missing has a remedy", async () => {
  vi.stubEnv("PATH", scratch());
  const checks = await diagnose();
  const missing = checks.filter(({ ok }) => !ok);
  expect(missing.filter(({ required }) => required).map(({ name }) => name)).toEqual([
    "C++ compiler",
    "libtorch",
    "addon",
  ]);
  for (const { remedy } of missing) expect(remedy).toMatch(/\w.*\./);
  for (const { remedy } of checks.filter(({ ok }) => ok)) expect(remedy).toBeUndefined();
  expect(checks.find(({ name }) => name === "Node")).toMatchObject({ ok: true, found: process.versions.node });
});

test("Python is required only where pip's settings leave no package index", async () => {
  vi.stubEnv("PATH", scratch());
  vi.stubEnv("PIP_INDEX_URL", "https://index.invalid/simple");
  vi.stubEnv("PIP_EXTRA_INDEX_URL", "");
  vi.stubEnv("PIP_CONFIG_FILE", "/dev/null");
  const python = async () => (await diagnose()).find(({ name }) => name === "Python with pip");
  expect(await python()).toMatchObject({ ok: true, found: expect.stringContaining("not needed") });
  vi.stubEnv("PIP_NO_INDEX", "1");
  expect(await python()).toMatchObject({ ok: false, required: true, found: expect.stringContaining("no-index") });
});

test("a LIBTORCH that cannot be used is the one thing said about libtorch", async () => {
  const folder = scratch();
  vi.stubEnv("LIBTORCH", folder);
  const libtorch = (await diagnose()).find(({ name }) => name === "libtorch");
  expect(libtorch).toMatchObject({ ok: false, required: true, remedy: "Mend LIBTORCH or unset it." });
  expect(libtorch?.found).toContain("it has no lib/");
});

test("the table marks what is fatal and puts the remedy under it", () => {
  const table = formatChecks([
    { name: "Node", ok: true, found: "20", required: true },
    { name: "libtorch", ok: false, found: "not there", remedy: "Fetch it.", required: true },
    { name: "ffmpeg", ok: false, found: "not there", remedy: "For videos.", required: false },
  ]);
  expect(table.split("\n")).toEqual([
    "ok    Node      20",
    "FAIL  libtorch  not there",
    "                Fetch it.",
    "-     ffmpeg    not there",
    "                For videos.",
  ]);
});
