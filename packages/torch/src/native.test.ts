/** The package without its set-up: importing it does nothing, headers can be read, and whoever needs libtorch is told. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { builtPackage } from "./testing/built.js";

const fixture = fileURLToPath(new URL("../test/python.safetensors", import.meta.url));

test("without libtorch, headers are read and anything else says what to do", async () => {
  const cache = mkdtempSync(join(tmpdir(), "rediff-native-"));
  const program = `
    const { openCheckpoint, ones, torchVersion } = await import(${JSON.stringify(builtPackage())});
    const checkpoint = openCheckpoint(${JSON.stringify(fixture)});
    console.log(checkpoint.names().length > 0, JSON.stringify(torchVersion));
    try { ones([1]); } catch (error) { console.log(error.message); }`;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
      env: { ...process.env, REDIFF_CACHE: cache },
    });
    const [headers, problem] = stdout.trimEnd().split("\n");
    expect(headers).toBe('true ""');
    expect(problem).toBe(
      "@rediff/torch is not set up: libtorch or its addon is missing. Run `npx rediff-torch-setup` once.",
    );
  } finally {
    rmSync(cache, { recursive: true });
  }
});
