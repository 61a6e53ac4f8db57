// @ts-check
/** What a package with a built addon says of itself: its file manifest.json, and whether it fits this system. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CUDA_PART } from "../cuda-part.mjs";
import { describe, platformName } from "../paths.mjs";
import { glibcVersion } from "../wheel-platform.mjs";

export const MANIFEST = "manifest.json";
/** The addon's files; the first is the one that is linked to libtorch. */
export const ADDON_FILES = ["rediff_torch.node", "rediff_host.node"];

/** What a package has beside its manifest.
 *  @param {Pick<Manifest, "cuda">} manifest */
export const filesOf = ({ cuda }) => [...ADDON_FILES, ...(cuda === null ? [] : [CUDA_PART])];

/**
 * @typedef {object} Manifest
 * @property {1} format
 * @property {string} platform for example linux-x64
 * @property {string | null} glibc the oldest that it runs with; null where there is none
 * @property {number} nodeApi the version of Node-API
 * @property {string} torch the version of libtorch whose headers and names it has: for example 2.15.0
 * @property {boolean} cxx11Abi whether of libstdc++'s C++11 strings
 * @property {string | null} cuda the version of the libtorch to whose CUDA part the part for graphs is linked, for example
 *   2.15.0+cu132; null where the package has no such part
 * @property {string} sources hash of what it was built from
 * @property {Record<string, string>} files sha256 by name
 */

/**
 * The manifest of a folder that fits this system and these sources and whose files are those that it names.
 * @param {string} folder
 * @param {string} sources hash of this package's
 * @returns {Manifest}
 * @throws {Error} with the reason why not
 */
export function readManifest(folder, sources) {
  const manifest = parseManifest(readFileSync(join(folder, MANIFEST), "utf8"));
  if (manifest.platform !== platformName)
    throw new Error(`it is for ${manifest.platform}, and this is ${platformName}`);
  const node = Number(process.versions.napi);
  if (manifest.nodeApi > node) throw new Error(`it needs Node-API ${manifest.nodeApi}, and this Node has ${node}`);
  const glibc = glibcVersion();
  if (manifest.glibc !== null && !isAtLeast(glibc ?? "0", manifest.glibc))
    throw new Error(`it needs glibc ${manifest.glibc}, and this system has ${glibc ?? "another C library"}`);
  if (manifest.sources !== sources)
    throw new Error("it was built from other sources than this version of @rediff/torch has");
  for (const name of filesOf(manifest))
    if (manifest.files[name] !== sha256Of(join(folder, name)))
      throw new Error(`${name} has another sha256 than ${MANIFEST} says`);
  return manifest;
}

/**
 * @param {string} text
 * @returns {Manifest}
 */
export function parseManifest(text) {
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${MANIFEST} is no JSON (${describe(error)})`);
  }
  const manifest = /** @type {Partial<Record<keyof Manifest, unknown>>} */ (value ?? {});
  const { format, platform, glibc, nodeApi, torch, cxx11Abi, cuda, sources, files } = manifest;
  if (format !== 1) throw new Error(`${MANIFEST} is not of format 1`);
  if (
    typeof platform !== "string" ||
    !(glibc === null || (typeof glibc === "string" && /^\d+(\.\d+)*$/.test(glibc))) ||
    typeof nodeApi !== "number" ||
    typeof torch !== "string" ||
    typeof cxx11Abi !== "boolean" ||
    !(cuda === null || typeof cuda === "string") ||
    typeof sources !== "string" ||
    !isTexts(files)
  )
    throw new Error(`${MANIFEST} is incomplete`);
  return { format, platform, glibc, nodeApi, torch, cxx11Abi, cuda, sources, files };
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, string>}
 */
function isTexts(value) {
  return typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
}

/**
 * @param {string} version
 * @param {string} oldest
 */
export function isAtLeast(version, oldest) {
  const [found, wanted] = [version, oldest].map((text) => text.split(".").map(Number));
  for (const [i, number] of (wanted ?? []).entries()) {
    const difference = (found?.[i] ?? 0) - number;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** @param {string} file */
export function sha256Of(file) {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
