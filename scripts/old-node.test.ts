/** A Node that is too old says so in one line, and does not fail over newer syntax first. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const first = ["packages/rediff/bin/rediff.mjs", "packages/rediff/bin/node-version.mjs", "scripts/run.mjs"];

test.each([
  [["packages/rediff/bin/rediff.mjs", "--version"], "rediff"],
  [["scripts/run.mjs", "start"], "setup"],
])("%j", ([script = "", ...args], name) => {
  const folder = mkdtempSync(join(tmpdir(), "rediff-node-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const old = join(folder, "old.cjs");
  writeFileSync(old, 'Object.defineProperty(process.versions, "node", { value: "12.22.9" });');
  const { status, stdout, stderr } = spawnSync(process.execPath, ["-r", old, join(root, script), ...args], {
    encoding: "utf8",
  });
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(
    /^\w+: Node 20\.19 or newer is needed, this is 12\.22\.9\. Install a newer one \([^\n]*\)\.\n$/,
  );
  expect(stderr.startsWith(`${name}: `)).toBe(true);
});

test("what is read before has the syntax of Node 12: no await at the top, nothing newer than ES2019 but import()", () => {
  const folder = mkdtempSync(join(tmpdir(), "rediff-node-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const emit = (target: string) => {
    const files = first.map((file) => join(root, file));
    const options = [
      "--ignoreConfig",
      "--allowJs",
      "--target",
      target,
      "--module",
      "esnext",
      "--outDir",
      join(folder, target),
    ];
    execFileSync(process.execPath, [tsc, ...options, "--rootDir", root, "--types", "node", ...files], { cwd: root });
    return first.map((file) => readFileSync(join(folder, target, file), "utf8"));
  };
  expect(emit("es2019")).toEqual(emit("esnext"));
  for (const file of first) expect(readFileSync(join(root, file), "utf8")).not.toMatch(/^await|^[^*\n]*= await/m);
});

test("what is needed is what the packages promise", () => {
  for (const name of ["package.json", "packages/rediff/package.json", "packages/torch/package.json"]) {
    const { engines } = JSON.parse(readFileSync(join(root, name), "utf8")) as { engines: { node: string } };
    expect(engines.node).toBe(">=20.19");
  }
});
