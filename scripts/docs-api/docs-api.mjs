// @ts-check
/** `npm run docs:api`: the references of rediff, in docs/api, and of @rediff/torch, in docs/api/torch, made from their types. Ends
 *  with status 1, and writes nothing, where a public signature names a type that is not exported. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));

/** @param {string} command @param {string[]} args @param {string} cwd */
function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(`${here}node_modules/typedoc`)) run("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], here);
// The library's first: it empties its folder, which the other's is in.
for (const name of ["rediff", "torch"])
  run(process.execPath, [`${here}node_modules/typedoc/bin/typedoc`, "--options", `${here}${name}.json`], root);
