// @ts-check
/** Builds the tests' second device as the addon is built, once, and prints what REDIFF_DEVICE has to be:
 *
 *      REDIFF_DEVICE=$(node packages/torch/test/second-device/build.mjs) npx rediff caption photo.jpg --device apart:1
 *
 *  Exit status: 3 when there is no C++ compiler. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAddon } from "../../setup/build.mjs";
import { findCompiler } from "../../setup/compiler.mjs";
import { ensureTorch } from "../../setup/index.mjs";
import { withLock } from "../../setup/lock.mjs";
import { cacheFolder } from "../../setup/paths.mjs";
import { createUi } from "../../setup/progress.mjs";

if ((await findCompiler().catch(() => undefined)) === undefined) process.exit(3);
const { libDir, torchVersion, source } = await ensureTorch({ quiet: true });
const torch = { libDir, includeDir: join(dirname(libDir), "include"), version: torchVersion, source };
const root = dirname(fileURLToPath(import.meta.url));
const build = () => buildAddon(torch, createUi({ verbose: false }), root);
const library = await withLock(join(cacheFolder(), "second-device.lock"), build, () => {});
process.stdout.write(`apart=${library}\n`);
