// @ts-check
/** npm run test:ranks: trainings of several ranks in every division, where `npm test` takes two of each; and one on two hosts
 *  that vanish. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root, runScript, setUp } from "./workspace.mjs";

const FILES = [
  "packages/rediff/src/training/run/many-ranks.test.ts",
  "packages/rediff/src/cli/end-to-end/two-hosts.test.ts",
];

await runScript(async () => {
  await setUp({ quiet: true, verbose: false });
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", ...FILES, ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, REDIFF_RANKS: "all" },
  });
  return await new Promise((resolve) => child.on("close", (status) => resolve(status ?? 1)));
});
