/** The command line: one file per command, this one puts them together and is the border for errors. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { mcpCommand } from "./commands/agents/mcp.js";
import { captionCommand } from "./commands/caption.js";
import { chatCommand } from "./commands/chat.js";
import { completionCommand } from "./commands/completion.js";
import { convertCommand } from "./commands/convert.js";
import { dataCommand } from "./commands/data/data.js";
import { doctorCommand } from "./commands/doctor.js";
import { evaluateCommand } from "./commands/evaluate.js";
import { fillCommand } from "./commands/fill.js";
import { improveCommand } from "./commands/improve.js";
import { inspectCommand } from "./commands/inspect.js";
import { launchCommand } from "./commands/launch.js";
import { configCommand } from "./commands/machine/configuration.js";
import { pullCommand } from "./commands/pull.js";
import { recipeCommand } from "./commands/recipes.js";
import { refineCommand } from "./commands/refine.js";
import { scenesCommand } from "./commands/scenes/scenes.js";
import { serveCommand } from "./commands/serve.js";
import { traceCommand } from "./commands/trace/show-trace.js";
import { trainCommand } from "./commands/train.js";
import { beginNothing, EXIT_STATUS_HELP, exitStatus, statusOfError } from "./exit-status.js";
import { addCommands } from "./options/command-group.js";
import { assertOutputs } from "./options/outputs.js";
import { applySettings, readSettings } from "./settings/settings.js";
import { errorText } from "./terminal/error-text.js";
import { noteLine } from "./terminal/lines.js";

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** Those that are to work where a settings file does not, or read them for themselves. */
const WITHOUT_SETTINGS = ["doctor", "completion", "config"];

export function program(): Command {
  const root = new Command("rediff")
    .description("Describe pictures and videos with vision-language diffusion models, and repair descriptions.")
    .version(version(), "-V, --version")
    .option("--verbose", "show the stack of an error")
    .addHelpText("after", EXIT_STATUS_HELP);
  addCommands(root, [
    captionCommand(),
    refineCommand(),
    fillCommand(),
    chatCommand(),
    serveCommand(),
    mcpCommand(),
    trainCommand(),
    launchCommand(),
    improveCommand(),
    evaluateCommand(),
    dataCommand(),
    scenesCommand(),
    recipeCommand(),
    traceCommand(),
    inspectCommand(),
    convertCommand(),
    pullCommand(),
    doctorCommand(),
    configCommand(() => root),
    completionCommand(() => root),
  ]);
  root.hook("preAction", async (_, command) => {
    if (!WITHOUT_SETTINGS.includes(command.name()))
      applySettings(command, readSettings(root, { cwd: process.cwd(), env: process.env }));
    await assertOutputs(command);
  });
  return root.exitOverride().configureOutput({ outputError: () => undefined });
}

/** Runs a command, and sets the exit status: exit-status.ts says which. */
export async function main(argv: readonly string[]): Promise<void> {
  beginNothing();
  try {
    await program().parseAsync(argv);
  } catch (error) {
    report(error, argv.includes("--verbose"));
  }
}

function report(error: unknown, verbose: boolean): void {
  process.exitCode = statusOfError(error);
  if (process.exitCode === exitStatus.done) return;
  if (!(error instanceof CommanderError)) noteLine(`rediff: ${errorText(error, verbose)}`);
  // Without a command, all of the help is on stderr already.
  else if (error.code !== "commander.help") noteLine(`rediff: ${usageProblem(error.message)}`);
}

/** "error: unknown option '--stpes'\n(Did you mean --steps?)" in one line. */
function usageProblem(message: string): string {
  return `${message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ")} (add --help for what is possible)`;
}
