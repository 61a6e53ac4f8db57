// @ts-check
/** `npm run docs:api`: the library's reference in docs/api, made from its types. Ends with status 1, and writes nothing,
 *  where a public signature names a type that is not exported. */
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
run(process.execPath, [`${here}node_modules/typedoc/bin/typedoc`, "--options", `${here}typedoc.json`], root);
