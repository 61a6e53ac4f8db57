// @ts-check
/** node packages/torch/scripts/bare-machine.mjs PACKAGE: the set-up with a prebuilt addon (npm run prebuild) on a machine
 *  without a compiler, without Python and without a shell. The machine is a folder with Node, the system's libraries that
 *  Node and libtorch are linked to, the packed npm packages and the libtorch that was fetched; chroot goes into it. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { onPath, packageRoot } from "../setup/paths.mjs";
import { wheelFolder } from "../setup/wheel.mjs";

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));

const CHECK = `
import { tensor, torchVersion } from "@rediff/torch";
const x = tensor([[1, 2], [3, 4]]);
console.log(torchVersion, JSON.stringify(x.matmul(x).toNumbers()));
`;

const [given] = process.argv.slice(2);
if (given === undefined || !existsSync(join(given, "manifest.json")))
  fail("give the folder of a package of npm run prebuild");
else process.exitCode = main(resolve(given));

/** @param {string} prebuilt */
function main(prebuilt) {
  const libtorch = wheelFolder(undefined, false);
  if (process.platform !== "linux" || !existsSync(libtorch)) return skip(`there is no fetched libtorch in ${libtorch}`);
  // By full paths: the machine's own PATH has neither.
  const chroot = ["chroot", "/usr/sbin/chroot"].map(onPath).find((file) => file !== undefined) ?? "chroot";
  const enter = process.getuid?.() === 0 ? [chroot] : [onPath("unshare") ?? "unshare", "--map-root-user", chroot];
  if (!isPermitted(enter)) return skip("chroot is not permitted");
  // Beside libtorch, which is linked, not copied.
  const root = mkdtempSync(join(dirname(libtorch), ".bare-machine-"));
  try {
    furnish(root, prebuilt, libtorch);
    const files = (/** @type {string} */ folder) => readdirSync(join(root, folder)).join(" ");
    console.log(`the machine has /: ${files("/")}; /bin: ${files("bin")}; node_modules: ${files("app/node_modules")}`);
    const run = (/** @type {string[]} */ args) =>
      spawnSync(String(enter[0]), [...enter.slice(1), root, "/bin/node", ...args], {
        env: { PATH: "/bin", HOME: "/app", REDIFF_CACHE: "/cache", REDIFF_CUDA: "0" },
        stdio: "inherit",
      }).status ?? 1;
    return run(["/app/node_modules/@rediff/torch/setup/command.mjs"]) || run(["/app/check.mjs"]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/**
 * @param {string} root
 * @param {string} prebuilt
 * @param {string} libtorch
 */
function furnish(root, prebuilt, libtorch) {
  mkdirSync(join(root, "bin"));
  mkdirSync(join(root, "tmp"));
  cpSync(realpathSync(process.execPath), join(root, "bin/node"));
  const cache = join(root, "cache/libtorch");
  mkdirSync(cache, { recursive: true });
  execFileSync("cp", ["-al", libtorch, join(cache, basename(libtorch))]);
  const linked = [process.execPath, join(libtorch, "torch/lib/libtorch_cpu.so")].flatMap(systemLibraries);
  for (const file of new Set(linked.filter((file) => !file.startsWith(libtorch)))) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    cpSync(realpathSync(file), join(root, file));
  }
  const app = join(root, "app/node_modules");
  pack(packageRoot, join(app, "@rediff/torch"));
  pack(prebuilt, join(app, "@rediff", basename(prebuilt)));
  for (const name of dependenciesOf(packageRoot)) cpSync(join(modules, name), join(app, name), { recursive: true });
  writeFileSync(join(root, "app/check.mjs"), CHECK);
}

/** @param {string} file */
function systemLibraries(file) {
  const output = execFileSync("ldd", [file], { encoding: "utf8" });
  return [...output.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, path = ""]) => path);
}

/**
 * What npm would install of it.
 * @param {string} folder
 * @param {string} into
 */
function pack(folder, into) {
  const target = mkdtempSync(join(tmpdir(), "rediff-pack-"));
  try {
    execFileSync("npm", ["pack", "--silent", "--pack-destination", target], { cwd: folder, stdio: "ignore" });
    mkdirSync(into, { recursive: true });
    const [tarball = ""] = readdirSync(target);
    execFileSync("tar", ["-xzf", join(target, tarball), "--strip-components=1", "-C", into]);
  } finally {
    rmSync(target, { recursive: true });
  }
}

/**
 * All that a package needs to run, with what that needs; types are not run.
 * @param {string} folder
 * @returns {string[]}
 */
function dependenciesOf(folder) {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const names = Object.keys(dependencies).filter((name) => !name.startsWith("@types/"));
  return [...new Set(names.flatMap((name) => [name, ...dependenciesOf(join(modules, name))]))];
}

/** @param {string[]} enter */
function isPermitted(enter) {
  return spawnSync(String(enter[0]), [...enter.slice(1), "/", "/bin/true"]).status === 0;
}

/** @param {string} reason */
function skip(reason) {
  console.log(`skipped: ${reason}`);
  return 0;
}

/** @param {string} reason */
function fail(reason) {
  console.error(reason);
  process.exitCode = 2;
}
