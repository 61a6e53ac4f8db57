import type { Command } from "commander";

/** A recipe, and what replaces its values: for every command that reads one. */
export const addRecipeArguments = (command: Command): Command =>
  command.argument("<RECIPE>", "YAML file").argument("[KEY=VALUE...]", "values in place of the recipe's");
