/** What is wrong with a recipe in words that a person can act on: where, what was expected, what came. */
import type { z } from "zod";
import { UserError } from "../../errors.js";
import { issueText, withoutUnions } from "../../options/issue-text.js";
import { nearest } from "../../options/near-name.js";
import { RENAMED_FLAGS } from "./renamed-flags.js";

/** Where the value at a path was written, key included: "stage1.yaml:12: learning_rate". */
export type Origin = (path: readonly PropertyKey[]) => string;

type Issue = z.core.$ZodIssue;

/** Whoever has more has given another file. */
const TOLD = 12;

/** The problems of a recipe in one error. The issues must carry their input. */
export function recipeError(issues: readonly Issue[], origin: Origin, known: readonly string[]): UserError {
  const flat = issues.flatMap(withoutUnions);
  const problems = flat.flatMap((issue): (() => string)[] =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => () => `${origin([...issue.path, key])}: ${unknownKey([...issue.path, key], known)}`)
      : [() => `${origin(issue.path)}: ${issue.input === undefined ? "it is missing" : issueText(issue)}`],
  );
  const more = problems.length > TOLD ? [`and ${problems.length - TOLD} more`] : [];
  const isMissing = flat.some((issue) => issue.code !== "unrecognized_keys" && issue.input === undefined);
  return new UserError(
    [...problems.slice(0, TOLD).map((tell) => tell()), ...more].join("; "),
    isMissing ? "Give it in the file, or on the command line as KEY=VALUE." : undefined,
  );
}

function unknownKey(path: readonly PropertyKey[], known: readonly string[]): string {
  const last = String(path.at(-1));
  if (last.includes(".")) return `in a file it is written ${nested(last)}`;
  const renamed = RENAMED_FLAGS[last];
  if (renamed !== undefined) return `there is no such key; ${renamed}`;
  const near = nearest(path.filter((part) => typeof part === "string").join("."), known);
  return near === undefined ? "there is no such key" : `there is no such key; did you mean ${near}?`;
}

/** save.every -> save: {every: ...} */
function nested(key: string): string {
  const [first = "", ...rest] = key.split(".");
  return rest.reduceRight((inner, part) => `{${part}: ${inner}}`, "...").replace(/^/, `${first}: `);
}
