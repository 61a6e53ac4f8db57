/** Defaults of commands' options from files: a key at the top is for every command that has such an option, one below a
 *  command's name for that command. What is on the command line goes before the environment, that before the project's file,
 *  that before the user's. */
import type { Command, Option } from "commander";
import { UserError } from "../../errors.js";
import { nearestName } from "../../options/near-name.js";
import { assertSettable, keyOf, settingValue } from "./setting-value.js";
import { isKeys, type Keys, readSettingsFiles, type SettingsFile, type SettingsPlace } from "./settings-files.js";

/** A value that a file gives to the commands at and below `path`. */
export interface Setting {
  file: SettingsFile;
  /** Names of commands; none for all. */
  path: readonly string[];
  key: string;
  value: unknown;
}

/** In one of these, what is nearer to the user leaves no place for the others. */
const EXCLUSIVE = [
  ["steps", "tokensPerStep", "rule", "threshold", "factor", "entropyBound"],
  ["autoOrient", "asStored"],
];

/** All that the files say, what goes before first.
 *  @throws UserError naming the file and the key, for a key that is no option and a value that cannot be */
export function readSettings(root: Command, place: SettingsPlace): Setting[] {
  return readSettingsFiles(place).flatMap((file) => settingsIn(root, file, file.keys, []));
}

function settingsIn(command: Command, file: SettingsFile, keys: Keys, path: readonly string[]): Setting[] {
  const below = command.commands.filter((each) => each.name() !== "help");
  const leaves = leavesOf(command);
  const settings = Object.entries(keys).flatMap(([key, value]) => {
    const where = `${file.path}: ${[...path, key].join(".")}`;
    const child = below.find((each) => each.name() === key);
    if (child !== undefined && isKeys(value)) return settingsIn(child, file, value, [...path, key]);
    const options = leaves.flatMap((leaf) => optionsOf(leaf).filter((option) => keyOf(option) === key));
    const [option] = options;
    if (option === undefined) {
      if (child !== undefined) throw new UserError(`${where} is a command; expected its options, keys with values`);
      throw unknownKey(key, where, command);
    }
    assertSettable(option, file.kind, where);
    assertSome(options, value, { path: file.path, where });
    return [{ file, path, key, value }];
  });
  // What is said for one command goes before what is said for all.
  return settings.sort((a, b) => b.path.length - a.path.length);
}

/** Commands with options of the same name may take different values. */
function assertSome(options: readonly Option[], value: unknown, place: { path: string; where: string }): void {
  let problem: unknown;
  for (const option of options)
    try {
      return void settingValue(option, value, place);
    } catch (error) {
      problem ??= error;
    }
  throw problem;
}

function unknownKey(key: string, where: string, command: Command): UserError {
  const names = [
    ...new Set([
      ...leavesOf(command).flatMap((leaf) => optionsOf(leaf).map(keyOf)),
      ...command.commands.map((each) => each.name()),
    ]),
  ];
  const near = nearestName(key, names);
  return new UserError(
    `${where}: there is no such option${near === undefined ? "" : `; did you mean ${near}?`}`,
    near === undefined ? "`rediff COMMAND --help` lists them; dashes are underscores here." : undefined,
  );
}

const leavesOf = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);

/** But for --help, which commander keeps apart. */
const optionsOf = (command: Command): readonly Option[] => command.options;

/** Names of a command and those above it, without the program's. */
export function pathOf(command: Command): string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}

/** What a file sets of a command's option; the one that holds. */
export function settingOf(command: Command, option: Option, settings: readonly Setting[]): Setting | undefined {
  const own = pathOf(command);
  return settings.find(({ key, path }) => key === keyOf(option) && path.every((name, i) => own[i] === name));
}

/** Puts in what the files say where neither the command line nor the environment has a word.
 *  @throws UserError for a value that this command's option does not take */
export function applySettings(command: Command, settings: readonly Setting[]): void {
  const isTyped = (name: string) => ["cli", "env"].includes(command.getOptionValueSource(name) ?? "");
  const typed = new Set(command.options.map((option) => option.attributeName()).filter(isTyped));
  for (const option of command.options) {
    const name = option.attributeName();
    const setting = settingOf(command, option, settings);
    if (setting === undefined || typed.has(name)) continue;
    if (EXCLUSIVE.some((group) => group.includes(name) && group.some((other) => typed.has(other)))) continue;
    const { file, path, key } = setting;
    const where = `${file.path}: ${[...path, key].join(".")}`;
    const value = settingValue(option, setting.value, { path: file.path, where });
    if (value !== undefined) command.setOptionValueWithSource(name, value, "config");
  }
}
