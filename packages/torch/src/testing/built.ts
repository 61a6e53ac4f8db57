/** Programs for child processes and worker threads, which run the compiled package as its users do. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const packageRoot = fileURLToPath(new URL("../..", import.meta.url));

/** The address of the compiled package. @throws when it is older than its sources */
export function builtPackage(): string {
  const built = join(packageRoot, "dist", "index.js");
  const stale = readdirSync(join(packageRoot, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .filter((file) => {
      const output = join(packageRoot, "dist", file.replace(/\.ts$/, ".js"));
      return !existsSync(output) || statSync(output).mtimeMs < statSync(join(packageRoot, "src", file)).mtimeMs;
    });
  if (stale.length > 0) throw new Error(`run \`npm run build\` first: ${stale.join(", ")} changed since`);
  return new URL(`file://${built}`).href;
}

/** Runs ES module code in a Node process; `torch` is the package. Gives back what it wrote. */
export async function runInProcess(code: string, nodeArguments: string[] = []): Promise<string> {
  const program = `import * as torch from ${JSON.stringify(builtPackage())};\n${code}`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...nodeArguments, "--input-type=module", "-e", program],
    { timeout: 60_000 },
  );
  return stdout;
}
