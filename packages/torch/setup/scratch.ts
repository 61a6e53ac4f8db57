/** For tests: a folder that goes when the test ends, with the cache inside it. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished, vi } from "vitest";

export function scratch(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "rediff-setup-")));
  vi.stubEnv("REDIFF_CACHE", join(folder, "cache"));
  for (const name of ["LIBTORCH", "REDIFF_TORCH_VERSION", "REDIFF_CUDA", "REDIFF_PREBUILT", "CXX"])
    vi.stubEnv(name, "");
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Writes files, by path relative to `folder`. */
export function write(folder: string, files: Record<string, string>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Takes the lines that a set-up says. */
export function listener() {
  const lines: string[] = [];
  return { lines, say: (text: string) => void lines.push(text), detail: () => {}, bar: () => {} };
}
