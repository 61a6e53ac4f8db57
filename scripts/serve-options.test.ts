import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { unknownServeOption } from "./serve-options.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

test("every option that the command has is known", () => {
  const launcher = join(root, "packages/rediff/bin/rediff.mjs");
  const { stdout } = spawnSync(process.execPath, [launcher, "serve", "--help"], { encoding: "utf8" });
  const names = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) expect(unknownServeOption(root, [name, `${name}=1`]), name).toBeUndefined();
});

test.each([
  [["--nonsense"], "--nonsense"],
  [["--port", "80", "--modle=x"], "--modle"],
  [["--api-key", "--odd"], undefined],
  [["-h", "word"], undefined],
])("%j: %s is none", (args, unknown) => {
  expect(unknownServeOption(root, args)).toBe(unknown);
});

test("npm start says it before anything is installed", () => {
  const copy = mkdtempSync(join(tmpdir(), "rediff-start-"));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  const folders = ["scripts", "packages/torch/setup", "packages/studio/scripts", "packages/rediff/bin"];
  for (const folder of [...folders, "packages/rediff/src/cli"]) {
    mkdirSync(join(copy, folder), { recursive: true });
    cpSync(join(root, folder), join(copy, folder), { recursive: true });
  }
  const { status, stderr } = spawnSync(process.execPath, [join(copy, "scripts/run.mjs"), "start", "--nonsense"], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect([status, stderr]).toEqual([
    2,
    "setup: unknown option --nonsense. npm start -- --help says which there are.\n",
  ]);
  expect(readdirSync(copy).sort()).toEqual(["packages", "scripts"]);
});
