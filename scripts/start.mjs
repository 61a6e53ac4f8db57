// @ts-check
/** npm start -- --model FOLDER [caption's options]: sets up, then describes the pictures in examples/. */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { root, runScript, SetupError, setUp } from "./workspace.mjs";

const PICTURE = /\.(jpe?g|png|webp|gif|avif)$/i;

await runScript(async () => {
  const args = process.argv.slice(2);
  await setUp();
  if (!args.some((arg) => arg === "--model" || arg.startsWith("--model="))) {
    throw new SetupError(
      "the set-up is done, but there is no model yet: for now npm start needs a checkpoint",
      "Use npm start -- --model FOLDER. Get one with npx rediff pull ORG/NAME, or make one with npx rediff convert.",
    );
  }
  const examples = join(root, "examples");
  const pictures = readdirSync(examples).filter((name) => PICTURE.test(name));
  if (pictures.length === 0)
    throw new SetupError(`there are no pictures in ${examples}`, "Put some there, or use npx rediff caption.");
  const launcher = join(root, "packages", "rediff", "bin", "rediff.mjs");
  return await inherit([
    launcher,
    "caption",
    ...pictures.map((name) => relative(process.cwd(), join(examples, name))),
    ...args,
  ]);
});

/**
 * @param {string[]} args of node
 * @returns {Promise<number>} its exit status
 */
function inherit(args) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, { stdio: "inherit" });
    child.on("error", fail);
    child.on("close", (code) => done(code ?? 1));
  });
}
