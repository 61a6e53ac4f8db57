/** Workers run compiled code; a test runs the sources. This is the one place that knows both. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { UserError } from "../errors.js";

/** The compiled neighbour `file` ("../vision/workers/vision-worker.js") of the module `moduleUrl`, be that in src (.ts) or in dist. */
export function compiledWorkerUrl(file: string, moduleUrl: string): URL {
  const url = new URL(file, moduleUrl);
  if (!moduleUrl.endsWith(".ts")) return url;
  const source = url.href.lastIndexOf("/src/");
  return new URL(`${url.href.slice(0, source)}/dist/${url.href.slice(source + "/src/".length)}`);
}

/** Throws a UserError when the sources have not been compiled yet. */
export function existingWorkerUrl(file: string, moduleUrl: string): URL {
  const url = compiledWorkerUrl(file, moduleUrl);
  if (existsSync(fileURLToPath(url))) return url;
  throw new UserError(`${fileURLToPath(url)} is missing: the sources have not been compiled`, "Run npm run build");
}
