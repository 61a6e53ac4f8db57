// @ts-check
/** Makes the npm package with the addon built for this platform: npm run prebuild. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { buildAddon, NAPI_VERSION } from "../build.mjs";
import { buildCudaPart, CUDA_PART } from "../cuda-part.mjs";
import { SetupError } from "../errors.mjs";
import { hasCuda, usesCxx11Abi } from "../libtorch.mjs";
import { packageRoot, platformName } from "../paths.mjs";
import { sourceHash } from "../sources.mjs";
import { filesOf, isAtLeast, MANIFEST, sha256Of } from "./manifest.mjs";
import { PREBUILT_PACKAGE, takeCudaPart, takePrebuilt, withoutLocal } from "./prebuilt.mjs";

/** The glibc that the torch wheels themselves are made for. */
export const GOAL_GLIBC = "2.28";

/**
 * @param {import("../libtorch.mjs").Libtorch} torch
 * @param {string} output folder in which the package's own folder is made
 * @param {import("../progress.mjs").Ui} ui
 * @param {string} [root] the package; another one only in tests
 * @returns {Promise<{ folder: string, manifest: import("./manifest.mjs").Manifest }>}
 */
export async function makePackage(torch, output, ui, root = packageRoot) {
  const folder = join(resolve(output), PREBUILT_PACKAGE.split("/").pop() ?? "");
  if (existsSync(folder) && !existsSync(join(folder, MANIFEST)))
    throw new SetupError(`${folder} is there, and no such package`, "Give another --output, or remove it.");
  const sources = sourceHash(root);
  const relocatable = true;
  const addon = await buildAddon(torch, ui, root, { relocatable });
  const hasPart = (await buildCudaPart(torch, addon, ui, root, { relocatable })) !== undefined;
  const cuda = hasPart ? torch.version : null;
  const files = filesOf({ cuda });
  const making = `${folder}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    for (const name of files) copyFileSync(join(dirname(addon), name), join(making, name));
    const isLinux = process.platform === "linux";
    /** @type {import("./manifest.mjs").Manifest} */
    const manifest = {
      format: 1,
      platform: platformName,
      glibc: isLinux ? newestNeeded(making, files, "GLIBC") : null,
      nodeApi: NAPI_VERSION,
      torch: withoutLocal(torch.version),
      cxx11Abi: isLinux && usesCxx11Abi(torch),
      cuda,
      sources,
      files: Object.fromEntries(files.map((name) => [name, sha256Of(join(making, name))])),
    };
    writeJson(join(making, MANIFEST), manifest);
    writeJson(join(making, "package.json"), describePackage(root, manifest));
    rmSync(folder, { recursive: true, force: true });
    renameSync(making, folder);
    const taken = await takePrebuilt({ folder, manifest }, torch, ui);
    const isTaken = taken !== undefined && (!hasPart || (await takeCudaPart({ folder, manifest }, torch, taken, ui)));
    if (!isTaken)
      throw new SetupError(
        `the package in ${folder} does not work with the libtorch that it was built for`,
        "See above.",
      );
    if (manifest.glibc !== null) sayNeeds(ui, folder, manifest);
    if (isLinux && !hasCuda(torch.libDir))
      ui.say(`  it has no ${CUDA_PART}, with which GPUs have graphs: that takes a libtorch with CUDA (REDIFF_CUDA=1)`);
    return { folder, manifest };
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

/**
 * @param {string} root
 * @param {import("./manifest.mjs").Manifest} manifest
 */
function describePackage(root, manifest) {
  const { version, license, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return {
    name: PREBUILT_PACKAGE,
    version,
    description: `The addon of @rediff/torch for ${platformName}, built for libtorch ${manifest.torch}`,
    license,
    os: [process.platform],
    cpu: [process.arch],
    ...(process.platform === "linux" ? { libc: ["glibc"] } : {}),
    engines,
    files: [...filesOf(manifest), MANIFEST],
  };
}

/**
 * @param {import("../progress.mjs").Ui} ui
 * @param {string} folder
 * @param {import("./manifest.mjs").Manifest} manifest
 */
function sayNeeds(ui, folder, manifest) {
  const glibc = manifest.glibc ?? "";
  ui.say(
    `  it needs glibc ${glibc} and libstdc++'s GLIBCXX_${newestNeeded(folder, filesOf(manifest), "GLIBCXX")} or newer`,
  );
  if (isAtLeast(GOAL_GLIBC, glibc)) return;
  ui.say(
    `  warning: systems with glibc ${GOAL_GLIBC}, for which the torch wheels are made, cannot load it. To publish it, build it on such a system (AlmaLinux 8, or a manylinux_2_28 container).`,
  );
}

/**
 * The newest of the versions of a library's symbols that files of a folder need. Their names stand in an ELF file's string
 * table, each between zeros.
 * @param {string} folder
 * @param {readonly string[]} files
 * @param {"GLIBC" | "GLIBCXX"} library
 */
export function newestNeeded(folder, files, library) {
  const pattern = new RegExp(`\\0${library}_(\\d+(?:\\.\\d+)+)(?=\\0)`, "g");
  const versions = files.flatMap((name) =>
    [...readFileSync(join(folder, name), "latin1").matchAll(pattern)].map(([, version = ""]) => version),
  );
  return versions.reduce((newest, version) => (isAtLeast(version, newest) ? version : newest), "0");
}

/**
 * @param {string} file
 * @param {unknown} value
 */
function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}
