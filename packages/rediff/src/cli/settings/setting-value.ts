/** Values of a settings file as those of a command's options: judged by what judges them on the command line. */
import { dirname, resolve } from "node:path";
import { CommanderError, type Option } from "commander";
import { inSnakeCase, UserError } from "../../errors.js";
import { shownValue } from "../../options/issue-text.js";

/** Of every command, or not of a file: secrets, and what is written, which no run may take from the one before. */
const NEVER: Readonly<Record<string, string>> = {
  apiKey: "Set REDIFF_API_KEY in the environment: a file is read by others, too.",
  verbose: "Give it on the command line.",
  version: "Give it on the command line.",
  ...Object.fromEntries(
    ["output", "output_path", "report", "trace", "unpackTo"].map((name) => [
      name,
      "Give it on the command line: each run writes its own.",
    ]),
  ),
};

/** What opens this machine to others, and what somebody else's folder must not decide. */
const USERS_ALONE = ["host", "allowHost", "corsOrigin", "allowUrls", "allow"];

/** How a settings file calls an option. */
export const keyOf = (option: Option): string => inSnakeCase(option.attributeName());

/** @throws UserError for an option that this kind of file does not set */
export function assertSettable(option: Option, kind: "project" | "user", where: string): void {
  const name = option.attributeName();
  const why = Object.hasOwn(NEVER, name) ? NEVER[name] : undefined;
  if (why !== undefined) throw new UserError(`${where} is no setting of a file`, why);
  if (option.mandatory) throw new UserError(`${where} is no setting of a file`, "Give it on the command line.");
  if (kind === "project" && USERS_ALONE.includes(name))
    throw new UserError(
      `${where} may not be set by a project's file, which may be a stranger's`,
      "Set it in your own, or on the command line.",
    );
}

/** @param where file and key, for messages
 *  @returns undefined for what is off anyway
 *  @throws UserError for a value that the option does not take */
export function settingValue(
  option: Option,
  value: unknown,
  { path, where }: { path: string; where: string },
): unknown {
  if (option.isBoolean() || option.negate) {
    if (typeof value !== "boolean") throw new UserError(`${where}: expected true or false, got ${shownValue(value)}`);
    return option.negate || value ? value : undefined;
  }
  if (option.optional && value === true) return true;
  const texts = (Array.isArray(value) ? value : [value]).map((one: unknown) => {
    if (typeof one !== "string" && typeof one !== "number")
      throw new UserError(`${where}: expected a text or a number, got ${shownValue(one)}`);
    return fromFile(String(one), option, path);
  });
  let result: unknown;
  for (const text of texts) result = parsed(option, text, result, where);
  if (Array.isArray(value) && !Array.isArray(result))
    throw new UserError(`${where}: expected one value, got ${shownValue(value)}`);
  return result;
}

function parsed(option: Option, text: string, before: unknown, where: string): unknown {
  if (option.parseArg === undefined) return text;
  try {
    return option.parseArg(text, before);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UserError(`${where}: ${shownValue(text)} cannot be. ${error.message}`);
  }
}

/** A path that begins with a dot is one from the file's folder, wherever the command runs. */
function fromFile(text: string, option: Option, path: string): string {
  const isPath = /DIR|FILE|PATH/.test(option.flags) && /^\.{1,2}(?:[\\/]|$)/.test(text);
  return isPath ? resolve(dirname(path), text) : text;
}
