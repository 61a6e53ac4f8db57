// @ts-check
/** npm run prebuild: the npm package with the addon for this platform, which spares its users the compiler. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { resolveLibtorch } from "../packages/torch/setup/libtorch.mjs";
import { describe } from "../packages/torch/setup/paths.mjs";
import { makePackage } from "../packages/torch/setup/prebuilt/make-package.mjs";
import { createUi } from "../packages/torch/setup/progress.mjs";
import { root, runScript, UsageError } from "./workspace.mjs";

const USAGE = `Usage: npm run prebuild -- [--output FOLDER] [--verbose]

Builds the addon for the libtorch that the set-up uses, and makes an npm package of it, @rediff/torch-PLATFORM. npm ci has
to have been run. With REDIFF_CUDA=1 that libtorch has CUDA, and the package what GPUs need for graphs.

  --output   the folder in which the package's folder is made (dist-prebuild)
  --verbose  say more

Install the package beside @rediff/torch (npm install FOLDER/torch-PLATFORM), or set REDIFF_PREBUILT to its folder: then the
set-up needs no compiler. It fits the same version of @rediff/torch and of libtorch only; where it does not fit, the set-up
says why and compiles.
`;

await runScript(async () => {
  const { output, verbose, help } = readOptions(process.argv.slice(2));
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const ui = createUi({ verbose });
  const { folder } = await makePackage(await resolveLibtorch(ui), output, ui);
  process.stdout.write(`${folder}\n`);
  return 0;
});

/** @param {string[]} args */
function readOptions(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        output: { type: "string", default: join(root, "dist-prebuild") },
        verbose: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(describe(error).split(". ")[0] ?? "", "See --help.");
  }
}
