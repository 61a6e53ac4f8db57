// @ts-check
/** The page's bundle. `npm run build` makes it always; the set-up of a checkout only when a source has changed.
 *
 *  A stamp beside the bundle holds the hash of all that went into it. The bundle is made in a folder of its own and then
 *  takes the old one's place, so that a server never reads half of one. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError } from "../../torch/setup/errors.mjs";
import { run } from "../../torch/setup/run.mjs";

const studio = dirname(dirname(fileURLToPath(import.meta.url)));
const root = dirname(dirname(studio));
const dist = join(studio, "dist");
const stamp = join(dist, ".sources");

/** Whether the bundle is there and made of the sources as they are; also where there are no sources of it. */
export function isStudioBuilt() {
  if (!existsSync(join(studio, "index.html"))) return true;
  return existsSync(join(dist, "index.html")) && readIfThere(stamp) === sourcesHash();
}

/** @throws SetupError with what Vite said */
export async function buildStudio() {
  const hash = sourcesHash();
  const fresh = `${dist}.${process.pid}`;
  try {
    const vite = join(root, "node_modules", "vite", "bin", "vite.js");
    const args = [vite, "build", "--outDir", fresh, "--emptyOutDir", "--logLevel", "warn"];
    const { status, stdout, stderr } = await run(process.execPath, args, { cwd: studio });
    if (status !== 0) {
      throw new SetupError(
        `the studio's bundle could not be made:\n${`${stdout}${stderr}`.trimEnd()}\n`,
        "Mend the error above, or install the packages again: npm ci.",
      );
    }
    writeFileSync(join(fresh, ".sources"), hash);
    rmSync(dist, { recursive: true, force: true });
    renameSync(fresh, dist);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Of everything that goes into the bundle; the lockfile stands for the packages. */
function sourcesHash() {
  const hash = createHash("sha256");
  const own = ["src", "public"].map((folder) => join(studio, folder));
  // The page judges captions as the scene world does, with its own sources.
  const files = [...own, join(root, "packages", "rediff", "src", "scenes")].flatMap(filesIn);
  const single = ["index.html", "vite.config.ts", "package.json"].map((name) => join(studio, name));
  for (const file of [...single, ...files.sort(), join(root, "package-lock.json")]) {
    hash.update(`${file.slice(root.length)}\0`).update(readIfThere(file) ?? "");
  }
  return hash.digest("hex");
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return entry.name === "testing" ? [] : filesIn(join(folder, entry.name));
    return /\.test\.tsx?$/.test(entry.name) ? [] : [join(folder, entry.name)];
  });
}

/** @param {string} file */
function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildStudio();
    process.stdout.write(`built ${dist}\n`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error.line}\n`);
    process.exitCode = 1;
  }
}
