// @ts-check
/** An addon that was built elsewhere, in place of one built here: out of the folder `REDIFF_PREBUILT`, or of the package
 *  for this platform that is installed beside this one. What does not fit is passed over, with the reason. */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { CUDA_PART, partProblem } from "../cuda-part.mjs";
import { hasCuda, usesCxx11Abi } from "../libtorch.mjs";
import { loadingProblem } from "../loading.mjs";
import { cacheFolder, describe, packageRoot, platformName } from "../paths.mjs";
import { sourceHash } from "../sources.mjs";
import { ADDON_FILES, readManifest } from "./manifest.mjs";

/** Where npm installs it; nothing is published under this name by itself. */
export const PREBUILT_PACKAGE = `@rediff/torch-${platformName}`;

/**
 * @typedef {object} Prebuilt
 * @property {string} folder
 * @property {import("./manifest.mjs").Manifest} manifest
 */

/**
 * @param {Pick<import("../progress.mjs").Ui, "say">} [ui] is told why one is passed over
 * @param {string} [root] the package; another one only in tests
 * @returns {Prebuilt | undefined}
 */
export function findPrebuilt(ui, root = packageRoot) {
  const given = process.env.REDIFF_PREBUILT;
  const folder = given ? resolve(given) : installedFolder(root);
  if (folder === undefined) return undefined;
  try {
    return { folder, manifest: readManifest(folder, sourceHash(root)) };
  } catch (error) {
    ui?.say(passedOver(folder, describe(error)));
    return undefined;
  }
}

/** @param {string} root */
function installedFolder(root) {
  try {
    return dirname(createRequire(join(root, "package.json")).resolve(`${PREBUILT_PACKAGE}/package.json`));
  } catch {
    return undefined;
  }
}

/**
 * Puts it into the cache, beside a link to this libtorch, by which it finds it.
 * @param {Prebuilt} prebuilt
 * @param {import("../libtorch.mjs").Libtorch} torch
 * @param {import("../progress.mjs").Ui} ui is told why it is passed over
 * @returns {Promise<string | undefined>} the addon's path
 */
export async function takePrebuilt({ folder, manifest }, torch, ui) {
  const pass = (/** @type {string} */ reason) => ui.say(passedOver(folder, reason));
  if (withoutLocal(torch.version) !== manifest.torch)
    return void pass(`it is for libtorch ${manifest.torch}, and ${torch.libDir} has ${torch.version}`);
  if (process.platform === "linux" && usesCxx11Abi(torch) !== manifest.cxx11Abi)
    return void pass(`${torch.libDir} was built with another ABI of C++ strings`);

  const key = createHash("sha256")
    .update(JSON.stringify([manifest, torch.libDir]))
    .digest("hex")
    .slice(0, 16);
  const place = join(cacheFolder("addon"), `${torch.version}-${platformName}-napi${manifest.nodeApi}-${key}`);
  const addon = join(place, ADDON_FILES[0] ?? "");
  if (existsSync(addon)) {
    utimesSync(place, new Date(), new Date()); // as of a build: pruning goes by this
    return addon;
  }
  const copy = join(cacheFolder("addon", "linking"), `${key}-${process.pid}`);
  rmSync(copy, { recursive: true, force: true });
  try {
    mkdirSync(copy);
    for (const name of ADDON_FILES) copyFileSync(join(folder, name), join(copy, name));
    symlinkSync(torch.libDir, join(copy, "libtorch"));
    for (const name of ADDON_FILES) {
      const reason = await loadingProblem(join(copy, name), { allSymbols: true });
      if (reason !== undefined) return void pass(`${name} cannot be loaded (${reason})`);
    }
    rmSync(place, { recursive: true, force: true });
    renameSync(copy, place);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  ui.say(`  took the prebuilt addon of ${folder}`);
  return addon;
}

/**
 * Puts its part for CUDA's graphs beside the addon that was taken, where this libtorch has CUDA. One that is not there, or
 * does not fit, costs graphs and nothing else.
 * @param {Prebuilt} prebuilt
 * @param {import("../libtorch.mjs").Libtorch} torch
 * @param {string} addon of `takePrebuilt`
 * @param {Pick<import("../progress.mjs").Ui, "say">} ui is told why there is none
 * @returns {Promise<string | undefined>} its path, where it is there
 */
export async function takeCudaPart({ folder, manifest }, torch, addon, ui) {
  const part = join(dirname(addon), CUDA_PART);
  if (existsSync(part)) return part;
  if (!hasCuda(torch.libDir)) return undefined;
  const none = (/** @type {string} */ reason) =>
    ui.say(`  the prebuilt addon in ${folder} brings no graphs on a GPU: ${reason.split("\n")[0]}`);
  if (manifest.cuda === null) return void none(`it was built without ${CUDA_PART}`);
  if (manifest.cuda !== torch.version)
    return void none(`its ${CUDA_PART} is for libtorch ${manifest.cuda}, and ${torch.libDir} has ${torch.version}`);
  const copy = `${part}.${process.pid}`;
  try {
    copyFileSync(join(folder, CUDA_PART), copy);
    const problem = await partProblem(torch, copy);
    if (problem !== undefined) return void none(`${CUDA_PART} cannot be opened (${problem})`);
    renameSync(copy, part);
  } finally {
    rmSync(copy, { force: true });
  }
  return part;
}

/** The version without what tells builds of it apart: 2.15.0 of 2.15.0+cu132.
 *  @param {string} version */
export function withoutLocal(version) {
  return version.replace(/\+.*/, "");
}

/**
 * @param {string} folder
 * @param {string} reason
 */
function passedOver(folder, reason) {
  return `passing over the prebuilt addon in ${folder}: ${reason.split("\n")[0]}`;
}
