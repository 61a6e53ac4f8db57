/** Temporary folders. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

export interface TemporaryFolder {
  path: string;
  remove(): void;
}

export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), "rediff-torch-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** A folder for all tests of a file, or of the `describe` around the call. */
export function sharedFolder(): string {
  const folder = temporaryFolder();
  afterAll(folder.remove);
  return folder.path;
}
