// @ts-check
/** npm start [-- OPTIONS]: sets up, then serves the studio and the API. OPTIONS are those of `rediff serve`; without
 *  --model the embedded model answers. What takes minutes, libtorch and its addon, is fetched by `rediff serve`, once it
 *  has looked at the options. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { unknownServeOption } from "./serve-options.mjs";
import { root, runScript, setUp, UsageError } from "./workspace.mjs";

await runScript(async () => {
  const unknown = unknownServeOption(root, process.argv.slice(2));
  if (unknown !== undefined)
    throw new UsageError(`unknown option ${unknown}`, "npm start -- --help says which there are.");
  await setUp({ quiet: true, torch: false });
  const launcher = join(root, "packages", "rediff", "bin", "rediff.mjs");
  return await inherit([launcher, "serve", ...process.argv.slice(2)]);
});

/**
 * @param {string[]} args of node
 * @returns {Promise<number>} its exit status
 */
function inherit(args) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, {
      stdio: "inherit",
      env: { ...process.env, REDIFF_STARTED_BY: "npm start" }, // for messages that ask to start it again
    });
    // A terminal's Ctrl-C reaches the server by itself; it drains, and this process waits for it.
    process.on("SIGINT", () => {});
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    // npm hands a signal on to the shell that it started, and that dies of it without a word to us.
    if (process.env.npm_lifecycle_event !== undefined) whenOrphaned(() => child.kill("SIGTERM"));
    child.on("error", fail);
    child.on("close", (code, signal) => done(code ?? (signal === "SIGTERM" ? 0 : 1)));
  });
}

/** @param {() => void} end called once, when whoever started this process has gone */
function whenOrphaned(end) {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    end();
  }, 500).unref();
}
