/** Values given on the command line: `key=value`, and `group.key=value` for the keys of groups. Values are YAML, so
 *  `betas=[0.9,0.95]`, `lora={rank: 8}` and `max_steps=null` mean what they would in the file. */
import { UserError } from "../../errors.js";
import { parseYaml } from "../../options/yaml-text.js";

export interface Override {
  path: string[];
  value: unknown;
}

/** @throws UserError when it is not of the form key=value */
export function parseOverride(text: string): Override {
  const at = text.indexOf("=");
  const key = at < 0 ? text : text.slice(0, at);
  if (at < 0 || !/^\w+(\.\w+)*$/.test(key))
    throw new UserError(`"${text}" is no key=value`, "Write for example learning_rate=1e-5 or save.every=500.");
  return { path: key.split("."), value: parseValue(text.slice(at + 1)) };
}

/** What is no YAML by itself is a text: `data=a: b.json` or `data={a,b}.json` can only be meant as paths. */
function parseValue(text: string): unknown {
  if (text.trim() === "") return "";
  const isFlow = /^\s*[[{]/.test(text);
  try {
    const { value } = parseYaml(text, "the value");
    return typeof value === "object" && value !== null && !isFlow ? text : value;
  } catch (error) {
    if (error instanceof UserError) return text;
    throw error;
  }
}

/** `base` with the overrides put in, the later ones winning; groups that are not there are made. */
export function applyOverrides(base: unknown, overrides: readonly Override[]): unknown {
  let result = base;
  for (const { path, value } of overrides) result = withValue(result, path, value);
  return result;
}

function withValue(base: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const object = typeof base === "object" && base !== null && !Array.isArray(base) ? base : {};
  return { ...object, [key]: withValue((object as Record<string, unknown>)[key], rest, value) };
}
