/** Commands that hang below another one: each has the flags that all share, and leaves its errors to `main`. */
import type { Command } from "commander";

export function addCommands(group: Command, commands: readonly Command[]): Command {
  for (const command of commands) {
    command.option("--verbose", "show the stack of an error");
    command.exitOverride().configureOutput({ outputError: () => undefined });
    group.addCommand(command);
  }
  return group;
}
