/** Programs for child processes and worker threads, which run the compiled package as its users do. */
import { execFile, execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
let built: string | undefined;

/** The address of the compiled package, compiled anew where sources have changed. */
export function builtPackage(): string {
  if (built === undefined) {
    const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
    execFileSync(process.execPath, [join(typescript, "bin", "tsc"), "-b", packageRoot], { encoding: "utf8" });
    built = pathToFileURL(join(packageRoot, "dist", "index.js")).href;
  }
  return built;
}

/** Runs ES module code in a Node process; `torch` is the package. Gives back what it wrote. */
export async function runInProcess(code: string, nodeArguments: string[] = []): Promise<string> {
  const program = `import * as torch from ${JSON.stringify(builtPackage())};\n${code}`;
  const run = promisify(execFile);
  const args = [...nodeArguments, "--input-type=module", "-e", program];
  return (await run(process.execPath, args, { timeout: 60_000 })).stdout;
}
