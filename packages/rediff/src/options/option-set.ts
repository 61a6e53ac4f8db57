/** What a public function's options may be: which there are, and of which types. Checked where a caller's options come in,
 *  so that a slip (`tokens_per_step`, `dtype: "fp16"`) is told and not ignored; TypeScript's own check reaches neither
 *  JavaScript nor values from elsewhere. Ranges, and what depends on other options, are judged where they are used.
 *
 *  Every set is checked against its interface by the compiler: no option can be in one of them only. */
import { z } from "zod";
import { OptionError, option, UserError, type Wording, wording } from "../errors.js";
import { issueText, shownValue, withoutUnions } from "./issue-text.js";
import { nearestName } from "./near-name.js";

/** A type for each option of `T`, and for nothing else. */
export type OptionTypes<T> = { readonly [K in keyof T]-?: z.ZodType<Exclude<T[K], undefined>> };

/** Judges a caller's options. @throws OptionError that names the first one that cannot be */
export type OptionCheck = (options: unknown) => void;

/** Those that cannot be left out. */
type Required<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T];

/** @param required the options that cannot be left out */
export function optionSet<T extends object>(
  types: OptionTypes<T>,
  ...[required = []]: [Required<T>] extends [never] ? [] : [required: readonly Required<T>[]]
): OptionCheck {
  const isRequired = new Set<PropertyKey>(required);
  const entries = Object.entries<z.ZodType>(types);
  const schema = z.strictObject(
    Object.fromEntries(entries.map(([name, type]) => [name, isRequired.has(name) ? type : type.optional()])),
  );
  const names = Object.keys(types);
  return (options) => {
    const { error } = schema.safeParse(options, { reportInput: true });
    if (error !== undefined) throw optionError(error, names, options);
  };
}

function optionError(error: z.ZodError, names: readonly string[], options: unknown): OptionError {
  // Names first: a wrong name mostly explains the rest.
  const unknown = error.issues.find(({ code, path }) => code === "unrecognized_keys" && path.length === 0);
  if (unknown?.code === "unrecognized_keys") return unknownOption(unknown.keys[0] ?? "", names);
  const [issue] = error.issues.flatMap(withoutUnions);
  const [name, ...rest] = issue?.path ?? [];
  if (issue === undefined || name === undefined)
    return new OptionError("options", `the options must be an object such as {}, got ${shownValue(options)}`);
  const place: Wording = [
    option(String(name)),
    ...rest.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)),
  ];
  const text =
    issue.code === "unrecognized_keys"
      ? `there is no ${issue.keys.join(", ")} in it`
      : issueText(issue, undefined, issue.input);
  return new OptionError(String(name), [...place, `: ${text}`]);
}

function unknownOption(name: string, names: readonly string[]): OptionError {
  const near = nearestName(name, names);
  const message = `there is no option ${name.slice(0, 60)}`;
  if (near !== undefined) return new OptionError(name, wording`${message}; did you mean ${option(near)}?`);
  return new OptionError(name, message, `There are ${names.join(", ")}`);
}

// What the compiler has to take for any function, object or list is of the type `never`.

/** A function of the caller's. */
export const listener = z.custom<never>((value) => typeof value === "function", { error: "expected a function" });

/** Whatever object: for what callers get from this library. */
export const object = z.custom<never>((value) => typeof value === "object" && value !== null, {
  error: "expected an object",
});

/** A list of anything: its entries are judged where they are used, or are too many to be judged twice. */
export const list = z.custom<never>((value) => Array.isArray(value), { error: "expected a list" });

export const abortSignal = z.custom<AbortSignal>(
  (value) => typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value,
  { error: "expected an AbortSignal" },
);

/** `cpu`, `cuda:1`: which of them there are is libtorch's affair. */
export const text = z.string();
export const flag = z.boolean();

/** For what a function takes before its options. @throws UserError where a text is not one, or empty */
export function assertText(what: string, value: unknown): void {
  if (typeof value !== "string" || value === "")
    throw new UserError(`${what}: expected a text that is not empty, got ${shownValue(value)}`);
}

export const number = z.number();
export const texts = z.array(z.string());
