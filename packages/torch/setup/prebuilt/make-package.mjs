// @ts-check
/** Makes the npm package with the addon built for this platform: npm run prebuild. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { buildAddon, NAPI_VERSION } from "../build.mjs";
import { SetupError } from "../errors.mjs";
import { usesCxx11Abi } from "../libtorch.mjs";
import { packageRoot, platformName } from "../paths.mjs";
import { sourceHash } from "../sources.mjs";
import { ADDON_FILES, isAtLeast, MANIFEST, sha256Of } from "./manifest.mjs";
import { PREBUILT_PACKAGE, takePrebuilt, withoutLocal } from "./prebuilt.mjs";

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
  const built = dirname(await buildAddon(torch, ui, root, { relocatable: true }));
  const making = `${folder}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    for (const name of ADDON_FILES) copyFileSync(join(built, name), join(making, name));
    const isLinux = process.platform === "linux";
    /** @type {import("./manifest.mjs").Manifest} */
    const manifest = {
      format: 1,
      platform: platformName,
      glibc: isLinux ? newestNeeded(making, "GLIBC") : null,
      nodeApi: NAPI_VERSION,
      torch: withoutLocal(torch.version),
      cxx11Abi: isLinux && usesCxx11Abi(torch),
      sources,
      files: Object.fromEntries(ADDON_FILES.map((name) => [name, sha256Of(join(making, name))])),
    };
    writeJson(join(making, MANIFEST), manifest);
    writeJson(join(making, "package.json"), describePackage(root, manifest.torch));
    rmSync(folder, { recursive: true, force: true });
    renameSync(making, folder);
    if ((await takePrebuilt({ folder, manifest }, torch, ui)) === undefined)
      throw new SetupError(
        `the package in ${folder} does not work with the libtorch that it was built for`,
        "See above.",
      );
    if (manifest.glibc !== null) sayNeeds(ui, folder, manifest.glibc);
    return { folder, manifest };
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

/**
 * @param {string} root
 * @param {string} torch version
 */
function describePackage(root, torch) {
  const { version, license, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return {
    name: PREBUILT_PACKAGE,
    version,
    description: `The addon of @rediff/torch for ${platformName}, built for libtorch ${torch}`,
    license,
    os: [process.platform],
    cpu: [process.arch],
    ...(process.platform === "linux" ? { libc: ["glibc"] } : {}),
    engines,
    files: [...ADDON_FILES, MANIFEST],
  };
}

/**
 * @param {import("../progress.mjs").Ui} ui
 * @param {string} folder
 * @param {string} glibc
 */
function sayNeeds(ui, folder, glibc) {
  ui.say(`  it needs glibc ${glibc} and libstdc++'s GLIBCXX_${newestNeeded(folder, "GLIBCXX")} or newer`);
  if (isAtLeast(GOAL_GLIBC, glibc)) return;
  ui.say(
    `  warning: systems with glibc ${GOAL_GLIBC}, for which the torch wheels are made, cannot load it. To publish it, build it on such a system (AlmaLinux 8, or a manylinux_2_28 container).`,
  );
}

/**
 * The newest of the versions of a library's symbols that the addon's files need. Their names stand in an ELF file's string
 * table, each between zeros.
 * @param {string} folder
 * @param {"GLIBC" | "GLIBCXX"} library
 */
export function newestNeeded(folder, library) {
  const pattern = new RegExp(`\\0${library}_(\\d+(?:\\.\\d+)+)(?=\\0)`, "g");
  const versions = ADDON_FILES.flatMap((name) =>
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
