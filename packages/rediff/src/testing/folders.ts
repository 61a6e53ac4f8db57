/** Temporary folders of tests. A test that needs a folder takes the fixture `folder` of fixtures.ts; these are for helpers
 *  that write into one. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, onTestFinished } from "vitest";

export interface TestFolder {
  readonly path: string;
  /** The path of something in it. */
  readonly at: (...names: string[]) => string;
}

/** Makes one that is not removed by itself. */
export function makeFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), "rediff-test-")));
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** For the test that is running, removed after it. */
export function folderOfTest(): string {
  const path = makeFolder();
  onTestFinished(() => removeFolder(path));
  return path;
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
