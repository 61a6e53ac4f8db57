/** Mistakes that the user can mend, and how each border says them. */

/** Text in which options are data, under the library's names: each border spells them as its callers write them, the
 *  library `genLength`, the command line `--gen-length`, the API `max_tokens`. */
export type Wording = readonly (string | { readonly option: string })[];

/** Names an option in a `wording`. */
export const option = <K extends string>(name: K): { readonly option: K } => ({ option: name });

/** `wording`\``${option("genLength")} must be …`\`` */
export function wording(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | { readonly option: string })[]
): Wording {
  return strings.flatMap((text, i) => {
    const value = values[i];
    if (value === undefined) return [text];
    return [text, typeof value === "object" ? value : String(value)];
  });
}

/** From an option's name in the library to what a caller writes. */
export type Spelling = (option: string) => string;

const inLibrary: Spelling = (name) => name;

/** Messages repeat what came, but not megabytes of it. */
const LONGEST = 3000;
const shortened = (text: string): string =>
  text.length > LONGEST ? `${text.slice(0, (LONGEST * 2) / 3)} ... ${text.slice(-LONGEST / 3)}` : text;

const spellOut = (words: string | Wording, spelling: Spelling): string =>
  shortened(
    typeof words === "string"
      ? words
      : words.map((word) => (typeof word === "string" ? word : spelling(word.option))).join(""),
  );

const lineOf = (message: string, hint: string | undefined) => (hint === undefined ? message : `${message}. ${hint}`);

/** What kind of mistake it is, for programs; messages may change, these do not.
 *
 *  `invalid_value`: an option's (`option` names it). `context_length_exceeded`: of what is asked, nothing like it can fit.
 *  `file_not_found`, `file_not_readable`: nothing there, or not permitted. `unreadable_picture`: what is given as a picture
 *  or a video is none, is damaged or beyond the limits. `model_not_found`, `unusable_model`: no model of that name here; a
 *  folder that is none that this version runs. `not_enough_memory`: refused before it is used. `model_closed`.
 *  `model_crashed`: its process ended while it worked on what was asked; another one takes its place. `queue_full`: too many
 *  wait for it. `path_not_allowed`, `url_not_allowed`: of a picture that an agent names. `hub_failed`: it did not answer as
 *  asked. `bad_data`, `invalid_recipe`: of training. `invalid_input`: all else. */
export type ErrorCode =
  | "invalid_value"
  | "context_length_exceeded"
  | "file_not_found"
  | "file_not_readable"
  | "unreadable_picture"
  | "model_not_found"
  | "unusable_model"
  | "not_enough_memory"
  | "model_closed"
  | "model_crashed"
  | "queue_full"
  | "path_not_allowed"
  | "url_not_allowed"
  | "hub_failed"
  | "bad_data"
  | "invalid_recipe"
  | "invalid_input";

export interface UserErrorOptions extends ErrorOptions {
  code?: ErrorCode | undefined;
}

/** What went wrong and why: what was expected, what came, and (in `hint`) what to do about it. `message` and `hint` are in
 *  the library's words; `spelled` has those of another border.
 *  The command line prints both on one line; anything else is a bug and keeps its stack. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly hint: string | undefined;
  readonly words: { readonly message: string | Wording; readonly hint: string | Wording | undefined };
  #code: ErrorCode;

  constructor(message: string | Wording, hint?: string | Wording, options?: UserErrorOptions) {
    super(spellOut(message, inLibrary), options);
    this.hint = hint === undefined ? undefined : spellOut(hint, inLibrary);
    this.words = { message, hint };
    this.#code = options?.code ?? "invalid_input";
  }

  get code(): ErrorCode {
    return this.#code;
  }

  /** Says what kind it is where nothing nearer to the mistake did. */
  static inside(code: ErrorCode, error: unknown): unknown {
    if (error instanceof UserError && error.code === "invalid_input") error.#code = code;
    return error;
  }

  /** The whole story in one line. */
  get line(): string {
    return lineOf(this.message, this.hint);
  }

  /** The same in a caller's words. */
  spelled(spelling: Spelling): string {
    const { message, hint } = this.words;
    return lineOf(spellOut(message, spelling), hint === undefined ? undefined : spellOut(hint, spelling));
  }
}

/** Why, where a border answers by it. */
export type OptionProblem = "context_length" | "memory";

const PROBLEM_CODES: Record<OptionProblem, ErrorCode> = {
  context_length: "context_length_exceeded",
  memory: "not_enough_memory",
};

/** What an option's value cannot be. */
export class OptionError extends UserError {
  readonly problem: OptionProblem | undefined;

  /** @param option the one to change, as the library calls it */
  constructor(
    readonly option: string,
    message: string | Wording,
    hint?: string | Wording,
    options: ErrorOptions & { problem?: OptionProblem | undefined } = {},
  ) {
    super(message, hint, {
      ...options,
      code: options.problem === undefined ? "invalid_value" : PROBLEM_CODES[options.problem],
    });
    this.problem = options.problem;
  }
}

/** Errors of `work` that say nothing nearer are of this kind. */
export async function codedAs<T>(code: ErrorCode, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw UserError.inside(code, error);
  }
}

/** `genLength` as the reference, its recipes and the API write such names: `gen_length`. */
export const inSnakeCase: Spelling = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
/** As a flag of the command line: `--gen-length`. What is on by itself has a flag that takes it away. */
export const asFlag: Spelling = (name) =>
  `--${name === "memoryCheck" || name === "certify" ? "no-" : ""}${inSnakeCase(name).replaceAll("_", "-")}`;
