// @ts-check
/** npm run setup: makes what is missing, and says what it does. `--quiet` says nothing when nothing is missing. */
import { runScript, setUp, UsageError } from "./workspace.mjs";

await runScript(async () => {
  const args = process.argv.slice(2);
  const unknown = args.find((arg) => arg !== "--quiet" && arg !== "--verbose");
  if (unknown !== undefined) throw new UsageError(`unknown option ${unknown}`, "There are --quiet and --verbose.");
  await setUp({ quiet: args.includes("--quiet"), verbose: args.includes("--verbose") });
  return 0;
});
