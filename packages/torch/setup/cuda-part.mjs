// @ts-check
/** Compiles native/cuda into rediff_cuda.so beside the addon: what needs the CUDA part of libtorch, linked to it. The addon
 *  does without, so what cannot be built here costs graphs and nothing else. */
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { BESIDE, compileFlags, lastErrors } from "./build.mjs";
import { findCompiler } from "./compiler.mjs";
import { openingProblem } from "./cuda.mjs";
import { hasCuda } from "./libtorch.mjs";
import { packageRoot, sharedLibrary } from "./paths.mjs";
import { since } from "./progress.mjs";
import { run } from "./run.mjs";

export const CUDA_PART = "rediff_cuda.so";
const HEADER = "cuda_runtime_api.h";

/**
 * Where CUDA's headers are: in NVIDIA's wheels beside torch's, or in a toolkit.
 * @param {{ libDir: string }} torch
 */
export function cudaHeaders({ libDir }) {
  const wheels = join(libDir, "..", "..", "nvidia");
  const folders = existsSync(wheels) ? readdirSync(wheels).map((name) => join(wheels, name)) : [];
  const toolkits = [process.env.CUDA_HOME ?? "", "/usr/local/cuda"].filter((folder) => folder !== "");
  return [...folders, ...toolkits]
    .map((folder) => join(folder, "include"))
    .find((folder) => existsSync(join(folder, HEADER)));
}

/**
 * Builds it where this libtorch has a CUDA part and the headers are there; else does nothing.
 * @param {import("./libtorch.mjs").Libtorch} torch
 * @param {string} addon beside which it lies
 * @param {import("./progress.mjs").Ui} ui
 * @param {string} [root] the package; another one only in tests
 * @param {{ relocatable?: boolean }} [options] as `buildAddon` has it
 * @returns {Promise<string | undefined>} its path, where it is there
 */
export async function buildCudaPart(torch, addon, ui, root = packageRoot, { relocatable = false } = {}) {
  const part = join(dirname(addon), CUDA_PART);
  if (!hasCuda(torch.libDir) || existsSync(part)) return existsSync(part) ? part : undefined;
  const headers = cudaHeaders(torch);
  const runPath = relocatable ? BESIDE : torch.libDir;
  const problem =
    headers === undefined ? `there is no ${HEADER}` : await compilePart(torch, { headers, runPath, part, root }, ui);
  if (problem === undefined) return part;
  ui.say(`  ${CUDA_PART} cannot be built, so there are no graphs on a GPU: ${problem}`);
  return undefined;
}

/**
 * @param {import("./libtorch.mjs").Libtorch} torch
 * @param {{ headers: string, runPath: string, part: string, root: string }} work runPath: where the part looks for libtorch
 * @param {import("./progress.mjs").Ui} ui
 * @returns {Promise<string | undefined>} why there is none
 */
async function compilePart(torch, { headers, runPath, part, root }, ui) {
  const started = performance.now();
  const compiler = await findCompiler();
  const temporary = `${part}.${process.pid}`;
  const sources = join(root, "native", "cuda");
  const units = readdirSync(sources).filter((file) => file.endsWith(".cc"));
  const libraries = ["torch_cuda", "c10_cuda", "torch_cpu", "c10"].map((name) => `-l${name}`);
  // CUDA's own functions are found in what libtorch_cuda has opened by then.
  const links = ["-shared", `-L${torch.libDir}`, ...libraries, `-Wl,-rpath,${runPath}`];
  const folders = ["-isystem", headers, "-idirafter", join(sources, "stand-in")];
  const args = [...compileFlags(torch, root), ...folders, ...units.map((file) => join(sources, file))];
  const { status, stdout, stderr } = await run(compiler.command, [
    ...compiler.args,
    ...args,
    ...links,
    "-o",
    temporary,
  ]);
  if (status !== 0) return lastErrors(`${stdout}${stderr}`);
  // Where it is to lie in the end there is a link to libtorch, and here there may be none.
  const problem = await partProblem(torch, temporary, torch.libDir);
  if (problem !== undefined) {
    rmSync(temporary, { force: true });
    return problem;
  }
  renameSync(temporary, part);
  ui.say(`  built ${part} in ${since(started)}`);
  return undefined;
}

/**
 * Why it cannot be opened behind the CUDA part of this libtorch, with every symbol resolved.
 * @param {{ libDir: string }} torch
 * @param {string} part
 * @param {string} [first] where the linker looks before it goes by the libraries' own paths
 */
export const partProblem = ({ libDir }, part, first) =>
  openingProblem([join(libDir, sharedLibrary("torch_cuda")), part], first);
