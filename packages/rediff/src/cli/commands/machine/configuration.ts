/** `rediff config`: which settings hold, and where each comes from. */
import { existsSync } from "node:fs";
import { Command, type Option } from "commander";
import { UserError } from "../../../errors.js";
import { nearest } from "../../../options/near-name.js";
import { begin } from "../../exit-status.js";
import { keyOf } from "../../settings/setting-value.js";
import { applySettings, pathOf, readSettings, type Setting, settingOf } from "../../settings/settings.js";
import { projectFile, userFile } from "../../settings/settings-files.js";
import { answerLine } from "../../terminal/lines.js";

const HELP = `
Defaults of commands' options are read from rediff.config.yaml or rediff.config.json, in the working directory or above, and
from $XDG_CONFIG_HOME/rediff/config.yaml (~/.config/rediff/config.yaml). What is on the command line goes before the
environment, that before the project's file, that before the user's. docs/configuration.md has examples.

Without a command, what the files and the environment set; with one, all of its options.

Examples:
  $ rediff config
  $ rediff config caption
  $ rediff config data draft --json
`;

/** A value, and who says so. */
interface Row {
  key: string;
  value: unknown;
  /** A file, "environment (NAME)", or "default". */
  from: string;
}

/** @param root gives the whole tree of commands once it is built */
export function configCommand(root: () => Command): Command {
  return new Command("config")
    .description("which settings hold, and where each comes from")
    .argument("[COMMAND...]", "all options of one command")
    .option("--json", "one JSON line for each value")
    .addHelpText("after", HELP)
    .action((names: string[], flags: { json?: true }) => {
      const place = { cwd: process.cwd(), env: process.env };
      const settings = readSettings(root(), place);
      const rows = names.length === 0 ? rowsOfFiles(root(), settings) : rowsOf(commandOf(root(), names), settings);
      begin();
      if (flags.json) for (const row of rows) answerLine(JSON.stringify(row));
      else for (const line of [...filesLines(), ...table(rows)]) answerLine(line);
    });
}

function commandOf(root: Command, names: readonly string[]): Command {
  return names.reduce((command, name) => {
    const found = command.commands.find((each) => each.name() === name);
    if (found !== undefined) return found;
    const near = nearest(
      name,
      command.commands.map((each) => each.name()),
    );
    throw new UserError(`there is no command ${name}`, near === undefined ? undefined : `Did you mean ${near}?`);
  }, root);
}

/** What is set, where it holds for some command or other; what another goes before is left out. */
function rowsOfFiles(root: Command, settings: readonly Setting[]): Row[] {
  const named = settings.filter(
    (setting, i) =>
      settings.findIndex(({ key, path }) => nameOf(key, path) === nameOf(setting.key, setting.path)) === i,
  );
  const fromEnvironment = environment(root);
  const isOver = ({ key }: Setting) => fromEnvironment.some((row) => row.key === key);
  return [
    ...fromEnvironment,
    ...named
      .filter((setting) => !isOver(setting))
      .map(({ key, path, value, file }) => ({ key: nameOf(key, path), value, from: file.path })),
  ];
}

const nameOf = (key: string, path: readonly string[]): string => [...path, key].join(".");

/** Variables that stand for options, once each. */
function environment(root: Command): Row[] {
  const options = [root, ...root.commands.flatMap((each) => [each, ...each.commands])].flatMap((each) => each.options);
  const rows = options.flatMap((option) => rowOfVariable(option) ?? []);
  return rows.filter(({ key }, i) => rows.findIndex((row) => row.key === key) === i);
}

function rowOfVariable(option: Option): Row | undefined {
  const { envVar } = option;
  const value = envVar === undefined ? undefined : process.env[envVar];
  return value === undefined ? undefined : { key: keyOf(option), value, from: `environment (${envVar})` };
}

/** All options of a command, as it would run without any on its command line. */
function rowsOf(command: Command, settings: readonly Setting[]): Row[] {
  if (command.commands.length > 0)
    throw new UserError(
      `${pathOf(command).join(" ")} is a group of commands`,
      `Name one of them: ${command.commands.map((each) => each.name()).join(", ")}`,
    );
  applySettings(command, settings);
  const rows = command.options.flatMap((option): Row[] => {
    const variable = rowOfVariable(option);
    if (variable !== undefined) return [variable];
    const value: unknown = command.getOptionValue(option.attributeName());
    if (value === undefined) return [];
    const setting = settingOf(command, option, settings);
    const isSet = command.getOptionValueSource(option.attributeName()) === "config";
    return [{ key: keyOf(option), value, from: isSet && setting !== undefined ? setting.file.path : "default" }];
  });
  return rows.filter(({ key }, i) => rows.findIndex((row) => row.key === key) === i);
}

function filesLines(): string[] {
  const project = projectFile(process.cwd());
  const user = userFile(process.env);
  return [
    `project  ${project ?? "none (rediff.config.yaml or rediff.config.json, here or above)"}`,
    `user     ${existsSync(user) ? user : `none (${user})`}`,
  ];
}

function table(rows: readonly Row[]): string[] {
  if (rows.length === 0) return ["", "nothing is set: all options have their defaults"];
  const cells = rows.map(({ key, value, from }) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
    from,
  ]);
  const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return [
    "",
    ...cells.map(
      ([key = "", value = "", from = ""]) => `${key.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${from}`,
    ),
  ];
}
