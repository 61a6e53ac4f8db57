/** Where settings are kept: a project's file, in the working directory or above, and the user's own. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { readUtf8Sync } from "../../files/utf8-text.js";
import { shownValue } from "../../options/issue-text.js";
import { parseYaml } from "../../options/yaml-text.js";

export type Keys = Readonly<Record<string, unknown>>;

export interface SettingsFile {
  /** "project" goes before "user". */
  kind: "project" | "user";
  path: string;
  keys: Keys;
}

export interface SettingsPlace {
  cwd: string;
  env: NodeJS.ProcessEnv;
}

const PROJECT_NAMES = ["rediff.config.yaml", "rediff.config.json"];

const FILE = { expected: "a configuration file", most: 1 << 20 };

const keysOf = z.record(z.string(), z.unknown());

/** Whether a value is keys with values of their own. */
export const isKeys = (value: unknown): value is Keys => keysOf.safeParse(value).success && !Array.isArray(value);

/** Those that there are, the one that goes before the other first.
 *  @throws UserError when one cannot be read, or a folder has a project's file in both formats */
export function readSettingsFiles({ cwd, env }: SettingsPlace): SettingsFile[] {
  const project = projectFile(cwd);
  const user = userFile(env);
  return [
    ...(project === undefined ? [] : [read("project", project)]),
    ...(existsSync(user) && user !== project ? [read("user", user)] : []),
  ];
}

/** The nearest, from the working directory up. */
export function projectFile(cwd: string): string | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const [found, other] = PROJECT_NAMES.map((name) => join(folder, name)).filter((path) => existsSync(path));
    if (found !== undefined && other !== undefined)
      throw new UserError(`${folder} has ${PROJECT_NAMES.join(" and ")}`, "Keep one of them.");
    if (found !== undefined) return found;
    if (dirname(folder) === folder) return undefined;
  }
}

/** There, or where it would be. */
export function userFile(env: NodeJS.ProcessEnv): string {
  const named = env.XDG_CONFIG_HOME;
  return join(
    named === undefined || named === "" ? join(env.HOME || homedir(), ".config") : named,
    "rediff/config.yaml",
  );
}

/** JSON is YAML, too. */
function read(kind: SettingsFile["kind"], path: string): SettingsFile {
  const text = readUtf8Sync(path, FILE);
  if (text.trim() === "") return { kind, path, keys: {} };
  const { value } = parseYaml(text, path);
  const keys = value ?? {}; // comments alone
  if (isKeys(keys)) return { kind, path, keys };
  throw new UserError(`${path}: expected keys with values, got ${shownValue(value)}`);
}
