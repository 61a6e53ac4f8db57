/** Both packages as a user installs them: packed by npm, unpacked into the node_modules of an empty folder. What they
 *  depend on is this checkout's, and so are libtorch and the addon: nothing is downloaded or compiled. */
import { execFileSync, type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { locateTorch } from "@rediff/torch/setup";
import { extract } from "tar";

export const workspace = fileURLToPath(new URL("../../../../", import.meta.url));

/** Of one of the two packages: what its package.json lists as published, and what packing copies in. */
const parts = {
  rediff: ["bin", "dist", "prompts", "scripts", "package.json", "README.md"],
  torch: ["dist", "native", "setup", "package.json", "README.md", "FEATURES.md"],
};

/** Installs both in `folder`, which must be empty. */
export async function installPackages(folder: string): Promise<void> {
  // Of a copy: packing puts files into the package's folder for a moment, where other tests would find them.
  const copy = join(folder, "packing");
  for (const [name, paths] of Object.entries(parts))
    for (const path of paths)
      cpSync(join(workspace, "packages", name, path), join(copy, "packages", name, path), { recursive: true });
  for (const path of [
    "models/demo",
    "models/demo-stages/llada_v",
    "packages/studio/dist",
    "recipes",
    "docs",
    "LICENSE",
  ])
    cpSync(join(workspace, path), join(copy, path), { recursive: true });

  const modules = join(folder, "node_modules");
  for (const [name, target] of [
    ["rediff", "rediff"],
    ["torch", "@rediff/torch"],
  ] as const) {
    const cwd = join(copy, "packages", name);
    execFileSync("npm", ["pack", "--silent"], { cwd, stdio: "ignore" });
    const tarball = readdirSync(cwd).find((file) => file.endsWith(".tgz")) ?? "";
    const into = join(modules, target);
    mkdirSync(into, { recursive: true });
    await extract({ file: join(cwd, tarball), cwd: into, strip: 1 });
    link(join(modules, ".bin"), into);
  }
  for (const name of [...dependencies(modules), "openai"]) {
    const place = join(modules, name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(workspace, "node_modules", name), place);
  }
}

/** Programs, as npm links them. */
function link(bin: string, installed: string): void {
  const { bin: programs = {} } = readPackage(installed);
  mkdirSync(bin, { recursive: true });
  for (const [name, file] of Object.entries(programs)) symlinkSync(join(installed, file), join(bin, name));
}

/** What both need, besides each other. */
function dependencies(modules: string): string[] {
  const all = ["rediff", "@rediff/torch"].flatMap((name) => Object.keys(readPackage(join(modules, name)).dependencies));
  return [...new Set(all)].filter((name) => name !== "@rediff/torch");
}

function readPackage(folder: string): { bin?: Record<string, string>; dependencies: Record<string, string> } {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as ReturnType<typeof readPackage>;
}

/** A cache in which nothing has been set up, but for the builds of this checkout.
 *  @returns the environment that points there */
export function cacheWithBuilds(cache: string): Record<string, string> {
  const torch = locateTorch();
  if (torch === undefined) throw new Error("libtorch and the addon are not set up: npm run setup");
  mkdirSync(cache, { recursive: true });
  symlinkSync(dirname(dirname(torch.addon)), join(cache, "addon"));
  return { REDIFF_CACHE: cache, LIBTORCH: dirname(torch.libDir), OMP_NUM_THREADS: "1" };
}

/** Runs a program in a user's folder. */
export function runIn(
  folder: string,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): SpawnSyncReturns<string> {
  return spawnSync(command, args, { cwd: folder, encoding: "utf8", env: { ...process.env, ...env }, timeout: 60_000 });
}
