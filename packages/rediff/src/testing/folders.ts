/** Temporary folders of tests: one of a file, or one of each test. Tests that need nothing but a folder of their own take
 *  the fixture `folder` of fixtures.ts; these are for files whose helpers write into it too. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach } from "vitest";

export interface TestFolder {
  readonly path: string;
  /** The path of something in it. */
  readonly at: (...names: string[]) => string;
}

export function makeFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), "rediff-test-")));
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** Made now, so that constants of the file can name paths in it, and removed after the last test. */
export function folderOfFile(): TestFolder {
  const path = makeFolder();
  afterAll(() => removeFolder(path));
  return { path, at: (...names) => join(path, ...names) };
}

/** Another one for each test. Its path is known while a test runs, not before. */
export function folderOfEachTest(): TestFolder {
  let path: string | undefined;
  const now = (): string => {
    if (path === undefined) throw new Error("no test is running: the folder of a test is not there yet");
    return path;
  };
  beforeEach(() => {
    path = makeFolder();
  });
  afterEach(() => {
    removeFolder(now());
    path = undefined;
  });
  return {
    get path() {
      return now();
    },
    at: (...names) => join(now(), ...names),
  };
}
