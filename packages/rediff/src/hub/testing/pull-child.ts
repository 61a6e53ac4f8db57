/** `rediff pull` as a process of its own, for tests that kill it or run two. Errors end as in the real command line. */
import { pullCommand } from "../../cli/pull.js";
import { UserError } from "../../errors.js";

try {
  await pullCommand().parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof UserError ? error.line : String(error)}\n`);
  process.exitCode = 1;
}
