// @ts-check
/** `npm run docs:api`: the references of rediff, in docs/api, and of @rediff/torch, in docs/api/torch, made from their types. Ends
 *  with status 1, and leaves both as they were, where a public signature names a type that is not exported. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { replaceReferences } from "./references.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));

/** @param {string} command @param {string[]} args @param {string} cwd */
function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (status !== 0) throw error ?? new Error("what was started above failed");
}

const typedoc = `${here}node_modules/typedoc/bin/typedoc`;
try {
  if (!existsSync(typedoc)) run("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], here);
  replaceReferences(`${root}docs/api`, (name, output) =>
    run(process.execPath, [typedoc, "--options", `${here}${name}.json`, "--out", output], root),
  );
} catch (error) {
  console.error(`docs:api: ${error instanceof Error ? error.message : error}; docs/api is as it was.`);
  process.exitCode = 1;
}
