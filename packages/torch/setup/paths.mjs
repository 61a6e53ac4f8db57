// @ts-check
/** Where things lie: this package, the user's cache folder, and the names that a platform gives to libraries. */
import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError } from "./errors.mjs";

/** packages/torch, in a checkout as in node_modules. */
export const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** For example linux-x64. */
export const platformName = `${process.platform}-${process.arch}`;

/** `REDIFF_CACHE`, else rediff in `XDG_CACHE_HOME`, else in ~/.cache. */
export function cacheRoot() {
  const { REDIFF_CACHE, XDG_CACHE_HOME } = process.env;
  if (REDIFF_CACHE) return resolve(REDIFF_CACHE);
  return join(XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), ".cache"), "rediff");
}

/**
 * A folder in the cache, made if it is missing.
 * @param {...string} parts
 */
export function cacheFolder(...parts) {
  const folder = join(cacheRoot(), ...parts);
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new SetupError(
      `cannot write to the cache folder ${folder} (${describe(error)})`,
      "Set REDIFF_CACHE to a folder that you can write to.",
    );
  }
  return folder;
}

/**
 * libtorch_cpu.so, or libtorch_cpu.dylib on macOS.
 * @param {string} name
 */
export function sharedLibrary(name) {
  return `lib${name}.${process.platform === "darwin" ? "dylib" : "so"}`;
}

/**
 * The first program of that name on the PATH.
 * @param {string} name
 * @returns {string | undefined}
 */
export function onPath(name) {
  const folders = name.includes("/") ? [""] : (process.env.PATH ?? "").split(delimiter);
  for (const folder of folders) {
    const file = folder === "" ? name : join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {}
  }
  return undefined;
}

/**
 * The message of whatever was thrown.
 * @param {unknown} error
 */
export function describe(error) {
  return error instanceof Error ? error.message : String(error);
}
